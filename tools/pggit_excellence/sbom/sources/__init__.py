"""Where components come from: source trees, installations, servers, Python packages, Debian packages."""
