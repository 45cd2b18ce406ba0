"""The modem engine: any stick, any mood. Bytes below, parts and arrivals above."""
