"""What our figures are held against."""
