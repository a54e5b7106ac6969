"""Image encoders: a photo to a grid of features."""
