"""What `sign`, `verify` and `provenance` share: keys, signatures and the formats that carry them.

Everything is ECDSA over P-256 with SHA-256, the default of cosign. Primitives and encodings of keys come from
`cryptography` and PyNaCl, canonical JSON from `rfc8785`; here is only what the formats say.
"""

# What is read into memory: contents that are signed whole, and texts that hold one signature.
LARGEST = 64 << 20
LARGEST_SIGNATURE = 64 << 10
