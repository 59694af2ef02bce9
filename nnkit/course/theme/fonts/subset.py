"""Make the fonts of the course from their full files: python subset.py FOLDER.

It needs fonttools and brotli. FOLDER holds Inter-*.woff2 of the npm package inter-ui,
JetBrainsMono-*.ttf of Debian's fonts-jetbrains-mono, NotoSansMath-Regular.ttf and
NotoSans-Regular.ttf of fonts-noto-core. What is written is the same every time.
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont

HERE = Path(__file__).parent
FIGURES = HERE.parents[2] / "plots" / "fonts"
SIGNS = "2200-22FF,2102,211D,2115,2124,211A,1D40,1D57,2090-209C,2299,27C2,2A2F"
WRITTEN = (
    "20-24F,2B0-2FF,300-36F,370-3FF,400-4FF,1D40,1D57,1E00-1EFF,2000-206F,2070-209F,20A0-20BF,"
    "2100-214F,2190-21FF,2200-22FF,2300-2328,2500-25FF,2713,2717"
)
#: l with a tail, I with serifs, figures of one width: what is an option there is the rule here.
ALWAYS = ("cv05", "cv08", "tnum")


def make(source: Path, unicodes: str, targets: list[Path], always: tuple[str, ...] = ()) -> None:
    """Cut a font down to some signs, and write it in the formats that the names ask for."""
    for target in targets:
        options = subset.Options(notdef_outline=True, recalc_timestamp=False)
        options.layout_features = ["kern", "mark", "mkmk", "ccmp", "locl", "frac"]
        options.flavor = "woff2" if target.suffix == ".woff2" else None
        font = TTFont(source, recalcTimestamp=False)
        font.flavor = options.flavor
        for tag in always:
            _make_the_rule(font, tag)
        if source.stem == "NotoSansMath-Regular":
            _borrow(font, TTFont(source.with_name("NotoSans-Regular.ttf")), ord("ᵀ"))
        cut = subset.Subsetter(options)
        cut.populate(unicodes=subset.parse_unicodes(unicodes))
        cut.subset(font)
        subset.save_font(font, target, options)


def _make_the_rule(font: TTFont, tag: str) -> None:
    table = font["GSUB"].table
    numbers = {
        number
        for record in table.FeatureList.FeatureRecord
        if record.FeatureTag == tag
        for number in record.Feature.LookupListIndex
    }
    swaps: dict[str, str] = {}
    for number in sorted(numbers):
        for part in table.LookupList.Lookup[number].SubTable:
            part = getattr(part, "ExtSubTable", part)
            swaps |= getattr(part, "mapping", {})
    for cmap in font["cmap"].tables:
        cmap.cmap = {code: swaps.get(name, name) for code, name in cmap.cmap.items()}


def _borrow(font: TTFont, other: TTFont, code: int) -> None:
    name = other.getBestCmap()[code]
    other["glyf"][name].removeHinting()
    font.setGlyphOrder([*font.getGlyphOrder(), name])
    font["glyf"].glyphs[name] = other["glyf"][name]
    font["hmtx"][name] = other["hmtx"][name]
    for cmap in font["cmap"].tables:
        cmap.cmap[code] = name


if __name__ == "__main__":
    full = Path(sys.argv[1])
    for face in ("Regular", "Italic", "Bold", "BoldItalic"):
        names = [HERE / f"Inter-{face}.woff2"]
        names += [FIGURES / f"Inter-{face}.ttf"] if face != "BoldItalic" else []
        make(full / f"Inter-{face}.woff2", WRITTEN, names, ALWAYS)
    for face in ("Regular", "Bold"):
        make(full / f"JetBrainsMono-{face}.ttf", WRITTEN, [HERE / f"JetBrainsMono-{face}.woff2"])
    signs = [HERE / "NotoSansMath-Regular.woff2", FIGURES / "NotoSansMath-Regular.ttf"]
    make(full / "NotoSansMath-Regular.ttf", SIGNS, signs)
