# What `cmake --install` gives besides tools and applications, which install themselves.
