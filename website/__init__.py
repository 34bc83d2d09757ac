"""What the documentation site needs beside its pages."""
