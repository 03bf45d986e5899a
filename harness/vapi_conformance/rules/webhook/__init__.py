"""How a backend answers Vapi's server messages."""

__all__: list[str] = []
