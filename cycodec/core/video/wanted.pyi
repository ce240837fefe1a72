class Wanted:
    masking: bool
