"""What training minimises, one file each: terms to phases."""
