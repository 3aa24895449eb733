"""Measuring Outrider beside a floor, a naive design, and other products. Linux only; not shipped in the wheel."""
