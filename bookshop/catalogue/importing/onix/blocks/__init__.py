"""The blocks of an ONIX record, each mapped to the fields of an edition."""
