"""What search engines and feed readers read: page metadata, JSON-LD, sitemap, Atom, robots.txt."""
