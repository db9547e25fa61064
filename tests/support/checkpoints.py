"""Makes small checkpoint folders with the libraries' own classes: `python -m tests.support.checkpoints FOLDER`.

Whisper's and VITS's weights are RANDOM: they prove that loaders and chain work, and say nothing of hearing or voice.
Tokenizers are made here; nothing is fetched."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

from tests.support.paths import STARTER_MODEL

PHONEMES = " !,.:;?abdefhijklmnoprstuvwzæðŋɐɑɒɔəɚɛɜɡɪɫɹɾʃʊʌʒʔˈˌːθᵻ"  # of a Piper voice, as eSpeak names them


def whisper(folder: Path, mels: int = 80) -> Path:
    """A multilingual Whisper of 64 channels and two layers, in CTranslate2's format; random weights. `mels`: bands of
    the spectrum that it hears, 128 as the third version does."""
    import torch
    from ctranslate2.converters import TransformersConverter
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizer,
    )
    from transformers.models.whisper.tokenization_whisper import LANGUAGES

    source = folder / "whisper-source"
    source.mkdir(parents=True, exist_ok=True)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    base = letters + [f"Ġw{number}" for number in range(50257 - len(letters))]
    languages = list(LANGUAGES)[:99]
    tasks = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    special = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in (*languages, *tasks))]
    special += [f"<|{step * 0.02:.2f}|>" for step in range(1501)]
    bpe = Tokenizer(models.BPE(vocab={token: index for index, token in enumerate(base)}, merges=[]))
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    bpe.add_special_tokens(special)
    bpe.save(str(source / "tokenizer.json"))
    tokenizer = WhisperTokenizer(tokenizer_object=bpe, unk_token="<|endoftext|>", eos_token="<|endoftext|>")
    tokenizer.save_pretrained(source)
    ids = {token: len(base) + index for index, token in enumerate(special)}
    torch.manual_seed(0)
    sizes = {"d_model": 64, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 128, "decoder_ffn_dim": 128}
    heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
    ends = {name: ids["<|endoftext|>"] for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    start = ids["<|startoftranscript|>"]
    model = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=len(base) + len(special),
            decoder_start_token_id=start,
            num_mel_bins=mels,
            **sizes,
            **heads,
            **ends,
        )
    )
    model.generation_config = GenerationConfig(
        lang_to_id={f"<|{code}|>": ids[f"<|{code}|>"] for code in languages},
        suppress_tokens=[],
        begin_suppress_tokens=[ids["<|endoftext|>"]],
        alignment_heads=[[1, 0]],
        no_timestamps_token_id=ids["<|notimestamps|>"],
        decoder_start_token_id=start,
        is_multilingual=True,
        **ends,
    )
    model.save_pretrained(source)
    WhisperFeatureExtractor(feature_size=mels).save_pretrained(source)
    checkpoint = folder / ("whisper-random" if mels == 80 else f"whisper-random-{mels}")
    TransformersConverter(str(source), copy_files=["tokenizer.json", "preprocessor_config.json"]).convert(
        str(checkpoint), force=True
    )
    return checkpoint


def vits(folder: Path, speakers: int = 1, pickled: bool = True) -> Path:
    """A VITS voice of 32 channels with a letter alphabet; random weights. One file holds weights, one the config."""
    import torch
    from TTS.tts.configs.vits_config import VitsConfig
    from TTS.tts.models.vits import Vits, VitsArgs

    checkpoint = folder / f"vits-random-{speakers}{'' if pickled else '-safe'}"
    checkpoint.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    sizes = {"hidden_channels": 32, "hidden_channels_ffn_text_encoder": 64, "num_layers_text_encoder": 2}
    small = {"num_layers_flow": 1, "upsample_initial_channel_decoder": 32, "init_discriminator": False}
    args = VitsArgs(**sizes, **small)
    if speakers > 1:
        names = {f"speaker-{number}": number for number in range(speakers)}
        (checkpoint / "speakers.json").write_text(json.dumps(names), encoding="utf-8")
        args.use_speaker_embedding, args.speakers_file = True, str(checkpoint / "speakers.json")
    config = VitsConfig(model_args=args, text_cleaner="basic_cleaners", use_phonemes=False)
    model = Vits(config)
    if speakers > 1:
        config.model_args.speakers_file = "somewhere/else/speakers.json"  # as in voices made on other machines
    config.save_json(str(checkpoint / "config.json"))
    if pickled:
        torch.save({"model": model.state_dict()}, checkpoint / "model_file.pth")
    else:
        from safetensors.torch import save_file

        save_file(
            {name: value.contiguous() for name, value in model.state_dict().items()}, checkpoint / "model.safetensors"
        )
    return checkpoint


def piper(folder: Path, speakers: int = 1) -> Path:
    """The same VITS as a Piper voice, which is ONNX and phonemes; random weights."""
    from TTS.tts.configs.vits_config import VitsConfig
    from TTS.tts.models.vits import Vits

    source = vits(folder, speakers)
    config = VitsConfig()
    config.load_json(str(source / "config.json"))
    if speakers > 1:
        config.model_args.speakers_file = str(source / "speakers.json")
    checkpoint = folder / f"piper-random-{speakers}"
    checkpoint.mkdir()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the tracer, about checks that do not depend on the text
        Vits(config).export_onnx(str(checkpoint / "en_US-random-low.onnx"), verbose=False)
    voice_config = {
        "audio": {"sample_rate": config.audio.sample_rate},
        "espeak": {"voice": "en-us"},
        # As slow as this and without chance in its lengths, so that whole frames follow the speed.
        "inference": {"noise_scale": 0.667, "length_scale": 2, "noise_w": 0},
        "phoneme_id_map": {letter: [number] for number, letter in enumerate("_^$" + PHONEMES)},
        "num_speakers": speakers,
        "speaker_id_map": {f"speaker-{number}": number for number in range(speakers)} if speakers > 1 else {},
    }
    (checkpoint / "en_US-random-low.onnx.json").write_text(json.dumps(voice_config), encoding="utf-8")
    return checkpoint


def qwen2_5_vl(folder: Path) -> Path:
    """A Qwen2.5-VL of two layers with the starter's tokenizer; random weights."""
    import shutil

    import torch
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    tiny = STARTER_MODEL
    checkpoint = folder / "qwen2.5-vl-random"
    shutil.copytree(tiny, checkpoint)
    (checkpoint / "model.safetensors").unlink()
    known = json.loads((tiny / "config.json").read_text("utf-8"))
    text = {**known["text_config"], "num_hidden_layers": 2, "layer_types": ["full_attention"] * 2}
    vision = {
        "depth": 2, "hidden_size": 64, "intermediate_size": 96, "num_heads": 2, "out_hidden_size": 192,
        "patch_size": 14, "fullatt_block_indexes": [1], "window_size": 56,
    }  # fmt: skip
    tokens = {name: known[name] for name in known if name.endswith("_token_id")}
    del text["model_type"]
    torch.manual_seed(0)
    config = Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True, **tokens)
    model = Qwen2_5_VLForConditionalGeneration(config)
    model.generation_config.eos_token_id = text["eos_token_id"]
    model.save_pretrained(checkpoint)
    return checkpoint


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for made in (
        whisper(target),
        vits(target),
        vits(target, speakers=3),
        vits(target, pickled=False),
        piper(target),
        qwen2_5_vl(target),
    ):
        print(made)
