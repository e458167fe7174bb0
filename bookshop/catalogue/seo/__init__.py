"""What machines read: page metadata, JSON-LD, sitemap, Atom feed and robots.txt."""
