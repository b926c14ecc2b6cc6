"""The model side, for hospital IT: base -> merged, quantised, verified, signed bundle. The laptop never imports it."""
