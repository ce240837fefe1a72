"""Files made of the packets of other files: remuxing, cutting, joining."""
