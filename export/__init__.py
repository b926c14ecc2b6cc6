"""The model side of hospital IT: base model -> merged, quantised, verified, signed bundle. The laptop never imports it."""
