// Exists for its precompiled header, which the unit tests share.
