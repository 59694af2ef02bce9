"""Homework: released, validated and graded, in nbgrader's own format and gradebook."""
