"""How numbers move: small compiled functions, pure, shared by every host."""
