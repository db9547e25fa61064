"""The tray: files and pictures that come into it, their order, cost and thumbnails."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtTest import QTest

from assistant import events
from tests.support.window_harness import SHOWN, WindowHarness
from ui.picture_tray import picture_list
from ui.picture_tray.thumbnail import framed_thumbnail


def test_a_picture_is_cut_and_turned_by_keys_and_by_mouse(harness: WindowHarness) -> None:
    harness.on(SHOWN)
    tray = harness.window.picture_tray
    harness.key(tray.region_selector, Qt.Key.Key_X)
    assert harness.calls[-1] == ("edit_picture", "d" * 64, 0, (300, 200, 600, 400))
    harness.key(tray.region_selector, Qt.Key.Key_T)
    assert harness.calls[-1] == ("edit_picture", "d" * 64, 1, ())
    QTest.mouseClick(tray.crop_button, Qt.MouseButton.LeftButton)
    middle = tray.region_selector.rect().center()
    QTest.mousePress(tray.region_selector, Qt.MouseButton.LeftButton, pos=middle)
    QTest.mouseMove(tray.region_selector, middle + QPoint(40, 30))
    QTest.mouseRelease(tray.region_selector, Qt.MouseButton.LeftButton, pos=middle + QPoint(40, 30))
    name, digest, quarters, box = harness.calls[-1]
    assert (name, digest, quarters, len(box)) == ("edit_picture", "d" * 64, 0, 4) and not tray.crop_button.isChecked()


def test_a_reworked_picture_keeps_its_place(harness: WindowHarness) -> None:
    for digest, instead in (("d", ""), ("e", ""), ("f", "d")):
        harness.on(replace(SHOWN, digest=digest * 64, name=f"{digest}.png", replaces=instead * 64))
    tray = harness.window.picture_tray.picture_list
    assert [picture.digest[0] for picture in tray.pictures] == ["f", "e"]
    assert tray.currentRow() == 0


def test_five_hundred_pictures_at_once(harness: WindowHarness, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / f"{number}.png")) for number in range(500)])
    harness.window.picture_tray.add_dropped(data)
    assert "first 100 of 500" in harness.texts()[-1]
    assert sum(call[0] == "attach_file" for call in harness.calls) == 100


def test_a_thumbnail_is_drawn_once_for_each_number(harness: WindowHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    monkeypatch.setattr(
        picture_list, "framed_thumbnail", lambda image, number: drawn.append(number) or framed_thumbnail(image, number)
    )
    for number in range(100):
        digest = f"{number:064}"
        harness.on(replace(SHOWN, digest=digest))
        harness.on(events.PictureCostEstimated(digest, 9, 6, 1, 1.0, 1.0))
    assert drawn == list(range(1, 101))
    harness.on(events.PictureRemoved(f"{98:064}"))
    assert drawn[100:] == [99]


def test_attached_sound_file_is_asked_and_not_shown(harness: WindowHarness) -> None:
    harness.app.pictures.attach_files(["/a/Question.WAV", "/a/p.png", "/a/two.mp3"])
    assert harness.calls[-2:] == [("attach_file", "/a/p.png"), ("ask_audio_file", "/a/Question.WAV")]
    assert "others were not taken" in harness.texts()[-1]


def test_files_go_through_the_field_to_the_tray(harness: WindowHarness, tmp_path: Path) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.png"))])
    field = harness.window.input_bar.question_field
    assert not field.canInsertFromMimeData(data) and not harness.past.search_field.acceptDrops()
    data = QMimeData()
    data.setText("words")
    assert field.canInsertFromMimeData(data)


def test_a_drop_takes_files_pixels_or_says_why_not(harness: WindowHarness, tmp_path: Path) -> None:
    urls, pixels, page, nothing = QMimeData(), QMimeData(), QMimeData(), QMimeData()
    urls.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.png")), QUrl.fromLocalFile(str(tmp_path / "b.png"))])
    pixels.setData("image/png", b"bytes")
    page.setUrls([QUrl("https://example.org/a.png")])
    rejected: list[str] = []
    harness.window.picture_tray.drop_rejected.connect(rejected.append)
    for data in (urls, pixels, page, nothing):
        harness.window.picture_tray.add_dropped(data)
    assert ["network" in reason for reason in rejected] == [True, False]
    assert [call[0] for call in harness.calls] == ["attach_file", "attach_file", "attach_encoded_picture"]


def test_a_copied_file_is_a_picture_and_copied_text_is_text(harness: WindowHarness, tmp_path: Path) -> None:
    file, text, pixels = QMimeData(), QMimeData(), QMimeData()
    file.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.png"))])
    text.setText("hello")
    pixels.setData("image/png", b"bytes")
    assert [harness.window.picture_tray.accepts_drop(data) for data in (file, text, pixels)] == [True, False, True]


def test_a_picture_tells_what_it_costs(harness: WindowHarness) -> None:
    harness.on(events.PictureAdded("d", "p.png", 3, 2, 1, 1, b"\0\0\0"))
    harness.on(events.PictureCostEstimated("d", 896, 896, 1024, 29.4, 14.2))
    item = harness.window.picture_tray.picture_list.item(0)
    assert "1,024 tokens · 29 MB · ready in about 14.2 s" in item.toolTip()
    assert item.data(Qt.ItemDataRole.AccessibleDescriptionRole) == "1,024 tokens · 29 MB · ready in about 14.2 s"
