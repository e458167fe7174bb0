"""What booksellers write for common Thema subjects, besides the labels of `subjects`.

The words are in lower case, without accents and punctuation.
"""

from __future__ import annotations

from typing import Final

_WORDS: Final = {
    "AB": ("art", "kunst", "arte"),
    "AJ": ("photography books", "fotografie", "photographie", "fotografia"),
    "AT": ("film", "cinema", "theatre"),
    "AV": ("musik", "musique", "musica"),
    "DC": ("poems", "verse", "lyrik", "gedichte", "poesie", "poesia"),
    "DD": ("drama", "theater", "teatro"),
    "DNB": ("biographies", "biography and memoir", "biografie", "biographie", "biografia"),
    "DNC": ("memoir", "autobiography", "autobiografie", "autobiographie"),
    "FB": ("general fiction", "literary fiction", "novels", "romane", "novela", "romanzo"),
    "FBA": ("contemporary fiction",),
    "FF": (
        *("crime", "mystery", "mysteries", "detective fiction", "crime fiction"),
        *(
            "krimi",
            "krimis",
            "kriminalroman",
            "policier",
            "roman policier",
            "novela negra",
            "giallo",
        ),
    ),
    "FH": ("thriller", "suspense"),
    "FK": ("horror", "ghost stories"),
    "FL": ("sci fi", "scifi", "sf"),
    "FM": ("fantasy fiction",),
    "FR": ("romantic fiction", "liebesromane", "romans d amour"),
    "FV": ("historical novels", "historische romane", "romans historiques"),
    "FYB": ("short story", "kurzgeschichten", "erzahlungen", "nouvelles", "cuentos"),
    "JM": ("psychologie", "psicologia"),
    "JP": ("current affairs", "politik", "politique", "politica"),
    "KJ": ("business", "wirtschaft", "economie", "economia"),
    "NH": ("geschichte", "histoire", "historia", "storia"),
    "PB": ("maths", "math", "mathematik", "mathematiques"),
    "PD": ("science", "popular science", "naturwissenschaft", "sciences", "ciencia"),
    "QD": ("philosophie", "filosofia"),
    "QR": ("theology", "theologie", "religione"),
    "SC": ("sport", "sports", "deporte"),
    "U": ("computers", "informatik", "informatique", "informatica"),
    "VF": ("health", "parenting", "gesundheit", "sante", "salud"),
    "VS": ("self help", "ratgeber", "autoayuda"),
    "WB": (
        *("cookery", "cooking", "cookbook", "cookbooks", "food", "food drink"),
        *("kochen", "kochbuch", "kochbucher", "cuisine", "cocina", "cucina"),
    ),
    "WF": ("craft", "crafts and hobbies", "basteln"),
    "WH": ("humor", "comedy", "humour and comedy"),
    "WK": ("diy", "home and garden"),
    "WM": ("garten", "jardin", "jardinage"),
    "WN": ("natural history", "nature writing", "natur", "natura"),
    "WT": ("travel books", "reise", "reisen", "reisefuhrer", "voyage", "voyages", "viajes"),
    "X": (
        *("comics", "comic", "graphic novel", "graphic novels", "manga"),
        *("bande dessinee", "bd", "fumetti"),
    ),
    "Y": (
        *("children", "childrens", "childrens books", "kids", "kinderbuch", "kinderbucher"),
        *("jeunesse", "infantil", "libros infantiles"),
    ),
    "YBC": ("picture book", "bilderbuch", "bilderbucher", "album illustre", "albums"),
    "YF": (
        *("young adult", "ya", "teen", "teenage fiction", "childrens fiction"),
        *("jugendbuch", "jugendbucher", "juvenil"),
    ),
    "YN": ("childrens non fiction", "sachbuch fur kinder"),
}
CODES: Final = {word: code for code, words in _WORDS.items() for word in words}
