"""What the public encoders are made of: pictures, times, options, destinations, streams."""
