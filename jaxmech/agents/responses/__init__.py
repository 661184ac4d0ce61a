"""What agents do in response to a mechanism and to each other, smoothed to have gradients."""
