"""ONIX for Books, the trade's own format: messages in, editions out.

3.0 and 3.1, https://www.editeur.org/8/ONIX/.
"""

from bookshop.catalogue.importing.onix.reader import frame, read

__all__ = ["frame", "read"]
