"""Text augmentation by its laws; what is stored for it by what it ought to be."""

import json
import re
import runpy
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from nnkit import data
from nnkit.augment import text as module
from nnkit.augment.text import (
    NEGATIONS,
    back_translate,
    delete_sentences,
    delete_words,
    reorder_sentences,
    replace_synonyms,
    split_sentences,
    synonyms,
    translate,
    with_copies,
)
from nnkit.augment.text import _translation as translation
from nnkit.course import translations
from nnkit.data import _stored
from tests import systems

RANDOM = [replace_synonyms, delete_words, delete_sentences, reorder_sentences]
every_random = pytest.mark.parametrize("change", RANDOM, ids=lambda f: f.__name__)
STORED, RATINGS = data.sentences()
texts = st.one_of(st.sampled_from(STORED), st.text(max_size=60))
shares = st.floats(0, 1)
seeds = st.integers(0, 2**32)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


# Laws of all that is random


@every_random
@given(texts, seeds)
def test_a_share_of_zero_changes_nothing(change, text, seed):
    assert change(text, 0, generator(seed)) == text


@every_random
@given(texts, shares, seeds)
def test_a_generator_repeats_the_draw(change, text, share, seed):
    assert change(text, share, generator(seed)) == change(text, share, generator(seed))


@every_random
def test_without_a_generator_torch_draws(change):
    def outcomes():
        torch.manual_seed(3)
        return [change(text, 0.5) for text in STORED]

    first = outcomes()
    assert first == outcomes()
    assert first != [change(text, 0.5) for text in STORED]
    state = torch.get_rng_state()
    change(STORED[0], 0.5, generator())
    assert torch.equal(state, torch.get_rng_state())  # with one, torch's own is left alone


@every_random
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((["a"], 0.5), TypeError, r"text must be a str, got \['a'\].*for a list"),
        (("a", 1.5), ValueError, r"share .* \[0, 1\], got 1.5"),
        (("a", -0.1), ValueError, "share .* -0.1"),
        (("a", "b"), TypeError, "share must be a number, got 'b'"),
        (("a", 0.5, 7), TypeError, "generator must be a torch.Generator or None, got 7"),
    ],
)
def test_wrong_arguments_are_refused(change, arguments, error, message):
    with pytest.raises(error, match=message):
        change(*arguments)


@pytest.mark.parametrize("change", [replace_synonyms, delete_words])
def test_one_word_to_keep_is_a_list_of_one(change):
    with pytest.raises(TypeError, match="keep must be a set or list of words, got the str 'not'"):
        change("not", 0.5, keep="not")


# Synonyms


def words_of(text):
    return re.findall(r"[A-Za-z]+(?:['-][A-Za-z]+)*", text)


@given(st.sampled_from(STORED), shares, seeds)
def test_a_word_becomes_one_of_its_synonyms_and_the_rest_stays(text, share, seed):
    new = replace_synonyms(text, share, generator(seed))
    before, after = words_of(text), words_of(new)
    assert len(before) == len(after)
    for old, now in zip(before, after, strict=True):
        assert old == now or now.lower() in synonyms(old)
        assert old[0].isupper() == now[0].isupper()
    assert re.sub(r"[A-Za-z'-]+", "", text) == re.sub(r"[A-Za-z'-]+", "", new)
    if share == 1:
        assert all(old != now for old, now in zip(before, after, strict=True) if synonyms(old))


def test_capitals_are_kept():
    assert replace_synonyms("seldom Seldom SELDOM", 1) == "rarely Rarely RARELY"


def test_every_synonym_is_as_likely():
    known = synonyms("funny") + synonyms("film")
    drawn = generator()
    count = Counter(replace_synonyms("film", 1, drawn) for _ in range(1000))
    assert set(count) == {"movie", "picture"} <= set(known)
    assert abs(count["movie"] - 500) < 5 * 16  # five deviations of a fair coin


def test_the_share_is_that_of_the_words_with_a_synonym():
    text = " ".join(["film"] * 10_000)
    replaced = words_of(replace_synonyms(text, 0.3, generator())).count("film")
    assert abs(replaced / 10_000 - 0.7) < 5 * (0.3 * 0.7 / 10_000) ** 0.5


def test_synonyms_do_not_mind_case_and_may_be_none():
    assert synonyms("Film") == synonyms("film") == ["movie", "picture"]
    assert synonyms("the") == synonyms("xyzzy") == []
    synonyms("film").clear()
    assert synonyms("film")  # the table is not handed out
    with pytest.raises(TypeError, match="text must be a str, got 3"):
        synonyms(3)


def test_the_table_of_synonyms_is_clean():
    for word, others in module._edits._table().items():
        assert 1 <= len(others) <= 4
        assert word not in others
        assert len(set(others)) == len(others)
        assert all(re.fullmatch("[a-z]+", w) for w in [word, *others])
        assert word not in NEGATIONS - {"hardly", "barely", "scarcely"}


# Deletion


def is_subsequence(short, long):
    rest = iter(long)
    return all(word in rest for word in short)


@given(texts, shares, seeds)
def test_deletion_keeps_the_order_and_never_all_is_deleted(text, share, seed):
    words = delete_words(text, share, generator(seed)).split()
    assert is_subsequence(words, text.split())
    assert bool(words) == bool(text.split())
    left = split_sentences(delete_sentences(text, share, generator(seed)))
    assert is_subsequence(left, split_sentences(text))
    assert bool("".join(left)) == bool(text.strip())


def test_a_share_of_one_leaves_one_each_as_likely():
    drawn = generator()
    left = Counter(delete_words("a b c", 1, drawn) for _ in range(900))
    assert set(left) == {"a", "b", "c"}
    assert max(abs(n - 300) for n in left.values()) < 5 * 14.2  # five deviations
    alone = Counter(delete_sentences("A. B. C.", 1, drawn) for _ in range(900))
    assert set(alone) == {"A.", "B.", "C."}


def test_as_many_words_are_deleted_as_said():
    text = " ".join(["word"] * 10_000)
    left = len(delete_words(text, 0.2, generator()).split())
    assert abs(left - 8000) < 5 * 40


@pytest.mark.parametrize("change", [delete_words, replace_synonyms])
def test_what_is_kept_stays(change):
    text = "Not a film, don’t see it: it is 'never' FUNNY, not hilarious."
    for seed in range(20):
        new = change(text, 1, generator(seed), keep={*NEGATIONS, "Funny"})
        assert all(word in new for word in ("Not", "don’t", "'never'", "FUNNY,", "not"))
        assert "film" not in new
    assert delete_words(text, 1, keep=NEGATIONS) == "Not don’t 'never' not"
    assert "not" in NEGATIONS


def test_the_negation_may_go_if_it_is_not_kept():
    seen = {delete_words("not good", 0.5, generator(seed)) for seed in range(50)}
    assert seen == {"not good", "not", "good"}


# Sentences


@given(texts, shares, seeds)
def test_reordering_permutes_sentences(text, share, seed):
    new = reorder_sentences(text, share, generator(seed))
    assert sorted(split_sentences(new)) == sorted(split_sentences(text))


def test_every_order_is_as_likely():
    drawn = generator()
    seen = Counter(reorder_sentences("A. B! C?", generator=drawn) for _ in range(1200))
    assert len(seen) == 6
    assert max(abs(n - 200) for n in seen.values()) < 5 * 13  # five deviations


def test_only_the_chosen_sentences_change_places():
    text = " ".join(f"{i}." for i in range(1000))
    new = split_sentences(reorder_sentences(text, 0.3, generator()))
    assert sorted(new) == sorted(text.split())
    moved = sum(s != f"{i}." for i, s in enumerate(new))
    assert 220 < moved < 380  # 300, five deviations of a draw with share 0.3


def test_sentences_are_split_where_they_end():
    text = "  Yes! 3.5 stars? No... it wasn't, ok.\nReally. "
    assert split_sentences(text) == ["Yes!", "3.5 stars?", "No...", "it wasn't, ok.", "Really."]
    assert split_sentences("") == [""]


# Back-translation


@pytest.fixture
def no_program(monkeypatch):
    monkeypatch.setenv("PATH", "")


def fake(folder, monkeypatch, body):
    """A program apertium, alone on PATH."""
    if systems.WINDOWS:
        pytest.skip(systems.NO_POSIX)
    program = folder / "apertium"
    lines = ["#!" + sys.executable, "import sys", "sys.stdout.reconfigure(encoding='utf-8')"]
    lines += ["sys.stdin.reconfigure(encoding='utf-8')", "text = sys.stdin.read()", body]
    program.write_text("\n".join(lines) + "\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A translator that says what it was asked."""
    fake(tmp_path, monkeypatch, "print(*sys.argv[1:], text[::-1])")


@pytest.fixture
def dictionary(tmp_path, monkeypatch):
    """A translator that answers with what is stored."""
    table = tmp_path / "table.json"
    table.write_text(json.dumps(translation._stored()), encoding="utf-8")
    body = f"import json\nprint(json.load(open({str(table)!r}, 'rb'))[sys.argv[2]][text])"
    fake(tmp_path, monkeypatch, body)


def test_stored_results_serve_where_no_program_is(no_program):
    for text in STORED:
        there = translate(text, "eng-cat")
        assert back_translate(text) == translate(there, "cat-eng") != ""
    changed = sum(back_translate(text) != text for text in STORED)
    assert changed > 0.9 * len(STORED)


def test_another_text_needs_the_program(no_program):
    with pytest.raises(
        ValueError, match=r"no stored translation eng-cat of 'Hello\.'.*apt install"
    ):
        back_translate("Hello.")
    with pytest.raises(ValueError, match="live=True needs the program apertium"):
        back_translate(STORED[0], live=True)


def test_the_program_is_asked_where_it_is(program):
    assert translate("Hello.", "eng-cat") == "-u eng-cat .olleH"
    assert back_translate("Hello.") == "-u cat-eng " + "-u eng-cat .olleH"[::-1]
    assert back_translate(STORED[0], live=False) != back_translate(STORED[0])


def test_accents_come_through_and_ends_of_lines_do_not(tmp_path, monkeypatch):
    fake(tmp_path, monkeypatch, r"print(text.replace('film', 'pel\xb7l\xedcula'))")
    assert translate("«film»", "eng-cat") == "«pel·lícula»"


def test_a_failing_program_is_told_of(tmp_path, monkeypatch):
    fake(tmp_path, monkeypatch, "sys.exit('Error: Mode eng-cat does not exist')")
    with pytest.raises(RuntimeError, match=r"eng-cat failed: .*does not exist\. Hint: apt install"):
        translate("Hello.", "eng-cat")


def test_a_wrong_pair_or_text_is_refused():
    with pytest.raises(ValueError, match="unknown pair 'eng-deu': allowed are eng-cat, cat-eng"):
        translate("a", "eng-deu")
    with pytest.raises(TypeError, match="text must be a str, got None"):
        back_translate(None)


REAL = [None] if shutil.which("apertium") else []  # where it is installed, it is asked, too


@pytest.mark.parametrize("translator", ["dictionary", *REAL])
def test_live_and_stored_agree(translator, request):
    if translator:
        request.getfixturevalue(translator)
    for text in STORED[::200]:
        assert back_translate(text, live=True) == back_translate(text, live=False)


def test_what_is_stored_is_made_by_one_command(tmp_path, monkeypatch, program):
    monkeypatch.setattr(_stored, "sentences", lambda: (STORED[:3], RATINGS[:3]))
    monkeypatch.setattr(sys, "argv", ["translations", str(tmp_path / "new.tsv")])
    runpy.run_path(translations.__file__, run_name="__main__")
    rows = [line.split("\t") for line in (tmp_path / "new.tsv").read_text().splitlines()]
    assert [row[0] for row in rows] == [translate(text, "eng-cat") for text in STORED[:3]]
    assert [row[1] for row in rows] == [back_translate(text) for text in STORED[:3]]


# Copies


@given(st.lists(st.text(max_size=5), max_size=6), st.integers(0, 3))
def test_copies_come_after_the_originals_with_label_and_group(originals, n):
    y = torch.arange(len(originals))
    made, labels, groups = with_copies(originals, y, lambda text: text + "!", n)
    assert made == originals + [text + "!" for text in originals] * n
    assert labels.tolist() == groups.tolist() == list(range(len(originals))) * (n + 1)


def test_every_copy_is_drawn_anew():
    drawn = generator()
    made, _, _ = with_copies(["a b c d e f"], [1], lambda t: delete_words(t, 0.5, drawn), 20)
    assert len(set(made)) > 10


def test_no_group_is_on_two_sides_of_a_split():
    _, y, groups = with_copies(STORED, (RATINGS > 0).long(), lambda text: text, 2)
    parts = data.split(groups, y, groups=groups)
    train, validation, test = (set(X.tolist()) for X, _ in parts)
    assert len(train) + len(validation) + len(test) == len(STORED)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("ab", [1, 0], str.upper), TypeError, "texts must be a list of texts, got .* 'ab'"),
        ((["a", "b"], [1], str.upper), ValueError, "2 texts, 1 labels"),
        ((["a"], [1], str.upper, -1), ValueError, "copies must be at least 0, got -1"),
        ((["a"], [1], str.upper, 1.5), TypeError, "copies must be a whole number, got 1.5"),
    ],
)
def test_wrong_copies_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        with_copies(*arguments)


# What is stored


def test_the_sentences_are_clearly_rated():
    assert len(STORED) == len(set(STORED)) == len(RATINGS) == 565
    assert RATINGS.dtype == torch.float32
    assert RATINGS.abs().min() >= 1.2
    assert RATINGS.abs().max() <= 4
    assert 0.4 < (RATINGS > 0).float().mean() < 0.6
    assert all(text == text.strip() and text.isascii() for text in STORED)
    several = sum(len(split_sentences(text)) > 1 for text in STORED)
    assert several / len(STORED) == pytest.approx(1 / 6, abs=0.02)


def test_the_sentences_by_their_source():
    parts = [data.sentences(source) for source in ("film", "product", "editorial")]
    assert [text for part, _ in parts for text in part] == STORED
    assert torch.equal(torch.cat([ratings for _, ratings in parts]), RATINGS)
    with pytest.raises(ValueError, match=r"unknown source 'films'.*did you mean 'film'"):
        data.sentences("films")


def test_what_is_stored_is_small():
    folder = Path(module.__file__).parents[2] / "data" / "stored"
    sizes = [
        sum(f.stat().st_size for f in (folder / x).iterdir()) for x in ("sentences", "synonyms")
    ]
    assert sum(sizes) < 220_000
