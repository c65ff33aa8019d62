"""Programs in standard C, which depend on nothing but its library of mathematics."""
