"""The starter kit's small world: pictures of plain shapes, questions about them, and how its model is trained."""
