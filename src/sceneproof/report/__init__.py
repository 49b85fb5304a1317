"""Pages: one for one or more runs; what they share with other pages starts without torch."""
