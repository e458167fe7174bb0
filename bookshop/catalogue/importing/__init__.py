"""What the trade sends: feeds of ONIX messages and spreadsheets, read into editions."""
