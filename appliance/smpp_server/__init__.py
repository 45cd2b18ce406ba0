"""The SMPP door: codec, session, translation, server. SMPP 3.4, with what is useful of 5.0."""
