"""Caption decoders: one file per published family."""
