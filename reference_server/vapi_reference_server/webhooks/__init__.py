"""The answers that a Vapi backend owes: tools that Vapi runs by message, who takes a call, where it goes."""
