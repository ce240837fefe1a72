"""Still images and animations: formats, modes, geometry, decoding and encoding."""
