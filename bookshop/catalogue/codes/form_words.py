"""What booksellers write for product forms, besides the labels of `product_forms`.

The words are in lower case, without accents and punctuation. The codes are of ONIX list 150, with
those of list 175 that the word implies.
"""

from __future__ import annotations

from typing import Final

_WORDS: Final = {
    ("BA",): ("book", "buch", "livre", "libro"),
    ("BB",): (
        *("hardcover", "hard cover", "hard back", "hb", "hbk", "hc", "cloth", "casebound", "bound"),
        *("gebunden", "gebundene ausgabe", "gebundenes buch", "fester einband", "pappband"),
        *("relie", "cartonne", "tapa dura", "cartone", "copertina rigida", "rilegato"),
        *("gebonden", "hardcover gebonden", "innbundet", "inbunden", "indbundet", "kovakantinen"),
        *("twarda", "twarda oprawa", "oprawa twarda", "capa dura", "vazana"),
    ),
    ("BC",): (
        *("soft cover", "softcover", "paper back", "pb", "pbk", "sc", "paper", "taschenbuch"),
        *("broschiert", "broschur", "kartoniert", "softcover buch", "flexibler einband", "tb"),
        *("broche", "poche", "livre de poche", "tapa blanda", "rustica", "bolsillo"),
        *("brossura", "tascabile", "copertina flessibile", "pocket", "heftet", "haftad", "haeftet"),
        *("miekka", "miekka oprawa", "oprawa miekka", "capa mole", "brozovana", "nidottu"),
    ),
    ("BC", "B101"): ("mass market paperback", "mass market", "mmpb"),
    ("BC", "B102"): ("trade paperback", "tpb"),
    ("BD",): ("loose leaf", "looseleaf", "loseblatt", "loseblattausgabe"),
    ("BE",): ("spiral", "ring bound", "ringbuch", "spiralbindung", "wire bound", "wiro", "spirale"),
    ("BF",): ("booklet", "heft", "broschure", "zine", "folleto"),
    ("BH",): ("board", "boardbook", "pappbilderbuch", "tout carton", "libro de carton"),
    ("BI",): ("rag book", "stoffbuch"),
    ("BJ",): ("badebuch", "livre de bain"),
    ("BK",): ("pop up", "pop up book", "lift the flap", "flap book", "sound book"),
    ("CA",): ("map", "maps", "karte", "landkarte", "carte", "mapa"),
    ("CB",): ("faltkarte",),
    ("CE",): ("globus",),
    ("AC",): ("cd", "audio cd", "audiobook cd", "horbuch cd", "audio book cd"),
    ("AC", "A103"): ("mp3 cd",),
    ("AJ",): (
        *("audiobook", "audio book", "audio", "audio download", "downloadable audio"),
        *("horbuch", "horbuch download", "livre audio", "audiolibro", "luisterboek", "lydbok"),
    ),
    ("ED",): (
        *("ebook", "e book", "digital", "digital book", "electronic book", "livre numerique"),
        *("libro electronico", "libro digitale", "e bok", "e bog"),
    ),
    ("ED", "E101"): ("epub", "epub2", "epub3", "ebook epub", "e book epub"),
    ("ED", "E107"): ("pdf", "ebook pdf", "e book pdf"),
    ("ED", "E116"): ("kindle", "azw", "mobi", "e book kindle"),
    ("PC",): ("calendars", "wall calendar", "kalender", "wandkalender", "calendrier", "calendario"),
    ("PD",): ("card", "greeting card", "greetings card", "grusskarte", "karten"),
    ("PF",): ("agenda", "planner", "taschenkalender", "diario"),
    ("PI",): ("score", "music score", "noten", "partition", "partitura"),
    ("PJ",): ("postcard", "postkarte", "postkarten", "carte postale"),
    ("PK",): ("posters", "affiche"),
    ("PP",): ("sticker", "sticker sheet"),
    ("PR",): ("notebooks", "blank book", "notizbuch", "carnet", "cuaderno", "quaderno"),
    ("PT",): ("bookmarks", "lesezeichen", "marque page"),
    ("SA",): ("set", "multiple item pack"),
    ("SB",): ("box set", "boxset", "boxed", "schuber", "coffret", "cofanetto"),
    ("SC",): ("slipcase", "slip cased", "slipcased"),
    ("VI",): ("dvd video", "dvd"),
    ("VO",): ("bluray", "blu ray disc"),
    ("ZC",): ("plush", "kuscheltier", "peluche"),
    ("ZD",): ("toys", "spielzeug", "jouet", "juguete"),
    ("ZE",): ("games", "board game", "card game", "spiel", "jeu", "juego", "gioco"),
    ("ZJ",): ("jigsaw puzzle", "puzzle"),
    ("ZK",): ("mugs", "becher", "tasse", "taza"),
    ("ZL",): ("tote", "bag", "stoffbeutel", "tasche"),
}
CODES: Final = {word: codes for codes, words in _WORDS.items() for word in words}
