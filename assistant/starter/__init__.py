"""The starter kit's own model: drawn scenes of plain shapes, questions about them, and training."""
