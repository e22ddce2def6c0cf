"""Words of a text as SQL: in Unicode's normal form C, split at white space, and folded where that is asked for."""

from __future__ import annotations

SPACE = "[\\s\\v\\x1c-\\x1f\\x{85}\\p{Z}\\x{200B}\\x{FEFF}]+"
"""Unicode's white space, and the invisible space that text of some languages has between words."""

_BLANKS = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(133) || chr(160) || chr(5760) || chr(8192)"
_BLANKS += "".join(f" || chr({code})" for code in (*range(8193, 8204), 8232, 8233, 8239, 8287, 12288, 65279))
_BETWEEN = '[,;:!?()\\[\\]{}"“”«»„/|…、。，；：！？（）【】「」]+'
_AT_EDGES = "^\\p{P}+|\\p{P}+$"
_PYTHON_LIST = r"""\[\s*(?:(?:''[^'']*''|"[^"]*")[\s,]*)*\]"""
_QUOTED = r"""''[^'']*''|"[^"]*\""""


def trimmed(text: str) -> str:
    """A text in normal form C without white space around it."""
    # Most ids are plain ASCII, which is told fifteen times as fast as white space is looked for.
    whole = f"trim(nfc_normalize({text}), {_BLANKS})"
    return f"CASE WHEN regexp_full_match({text}, '[!-~]+') THEN {text} ELSE {whole} END"


def is_blank(text: str) -> str:
    """Whether a text is empty or white space."""
    return f"({text} = '' OR regexp_full_match({text}, '{SPACE}'))"


def words_of_text(text: str, fold: bool) -> str:
    """The words of a text, which white space separates; null for null.

    Args:
        text: SQL of the text.
        fold: whether words are put in lower case, cut at commas and their like, and freed of punctuation at both ends.
    """
    whole = f"nfc_normalize({text})"
    if not fold:
        return f"list_filter(regexp_split_to_array({whole}, '{SPACE}'), lambda w: w <> '')"
    spaced = f"regexp_replace(lower({whole}), '{_BETWEEN}', ' ', 'g')"
    bare = f"lambda w: regexp_replace(w, '{_AT_EDGES}', '', 'g')"
    return f"list_filter(list_transform(regexp_split_to_array({spaced}, '{SPACE}'), {bare}), lambda w: w <> '')"


def words_of_list(words: str, fold: bool) -> str:
    """The words of a list, without nulls and empty ones."""
    if fold:
        return words_of_text(f"array_to_string({words}::VARCHAR[], ' ')", fold)
    bare = f"list_transform({words}::VARCHAR[], lambda w: {trimmed('w')})"
    return f"list_filter({bare}, lambda w: w IS NOT NULL AND w <> '')"


def written_list(text: str) -> str:
    """The strings of a list in JSON, or as Python prints it; null for what is neither."""
    json = f"TRY_CAST(TRY_CAST({text} AS JSON) AS VARCHAR[])"
    quoted = f"list_transform(regexp_extract_all({text}, '{_QUOTED}'), lambda w: w[2:-2])"
    return f"coalesce({json}, CASE WHEN regexp_full_match({text}, '{_PYTHON_LIST}') THEN {quoted} END)"


def separated_list(text: str) -> str:
    """The ids of a list in JSON or Python, or of a text with pipes, semicolons, commas or white space between them."""
    cases = " ".join(f"WHEN contains({text}, '{sign}') THEN string_split({text}, '{sign}')" for sign in ("|", ";", ","))
    split = f"CASE {cases} ELSE regexp_split_to_array({text}, '{SPACE}') END"
    return f"CASE WHEN starts_with({text}, '[') THEN {written_list(text)} ELSE {split} END"
