"""``nnkit site``: the course as pages to read, with the reference, offline."""
