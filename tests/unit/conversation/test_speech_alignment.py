"""How much of an answer was heard, letter by sample."""

from __future__ import annotations

from assistant.conversation.speech_alignment import SpeechAlignment

TEXT = "One two three. Four five. "


def ledger() -> SpeechAlignment:
    alignment = SpeechAlignment()
    alignment.add_piece(15)
    alignment.add_samples(1500)
    alignment.add_piece(len(TEXT))
    alignment.add_samples(2500)
    return alignment


def test_heard_letters_are_whole_pieces_and_words_of_the_current_one() -> None:
    heard = [TEXT[: ledger().heard_letters(played, TEXT)] for played in (0, 350, 450, 750, 1500, 2000, 2500)]
    assert [text.strip() for text in heard] == [
        "", "One", "One", "One two", "One two three.", "One two three. Four", "One two three. Four five.",
    ]  # fmt: skip


def test_unfinished_word_is_not_heard() -> None:
    for played in range(0, 2501, 50):
        heard = TEXT[: ledger().heard_letters(played, TEXT)]
        assert heard == TEXT or heard.strip() == "" or TEXT[len(heard)].isspace() or heard[-1].isspace(), heard


def test_script_without_spaces_is_cut_at_any_letter() -> None:
    alignment = SpeechAlignment()
    alignment.add_piece(8)
    alignment.add_samples(800)
    assert alignment.heard_letters(500, "圆形是红色的。。") == 5


def test_nothing_is_heard_when_nothing_was_played() -> None:
    assert SpeechAlignment().heard_letters(0, TEXT) == 0


def test_neighbouring_sentences_start_at_their_first_sample() -> None:
    alignment = ledger()
    assert [alignment.piece_start(played) for played in (0, 1499, 1500, 2400)] == [0, 0, 1500, 1500]
    assert [alignment.neighbor_piece_start(1600, step) for step in (-1, 0, 1)] == [0, 1500, 1500]
