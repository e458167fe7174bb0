"""SKUs of the demo catalogue that tests buy, search and show."""

MOSS = "9786941041210"  # in stock, with an author of two names and a series
MOSS_PAPERBACK = "9786941044389"  # represents the work of MOSS in lists: it is newer
LAST_COPY = "9786941031709"  # one copy in stock
EBOOK = "9786941006349"  # unlimited stock
PREORDER = "9786941063403"  # published on 14 March 2030
SOLD_OUT = "9786941066572"  # no copy in stock
BRIDGES = "9786941050724"  # another book in stock
COUNT = 33  # books in the demo catalogue
WORKS = 25  # works of these books
# The hardback, paperback, e-book and audiobook of one work: 22.00, 12.99, 5.99 and 13.99 GBP.
FOUR_FORMATS = ("9786941091932", "9786941072917", "9786941076083", "BKS-0002")
