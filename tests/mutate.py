"""Mutation run: flips one sign at a time in the formulas, and lists the flips that no test notices.

    nice python3 tests/mutate.py [FILE...]

works on a copy of `math` and `diffusion` alone, with the convergence tests, the walks of diffusers and the unit tests, in
a temporary folder beside the compiled dependencies. A mutant is killed when it does not compile, fails a test, or runs ten
times as long. Mutants that cannot be told from the original are listed in EQUIVALENT with the reason; every other survivor
is a fault of the tests.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLACES = [
    "diffusion/sampler",
    "math/target.rs",
    "math/level.rs",
    "math/moves.rs",
    *(f"diffusion/{part}" for part in ["loss", "times", "guidance", "likelihood", "oracle.rs", "oracle"]),
]
FILES = [
    file
    for place in (ROOT / "src" / p for p in PLACES)
    for file in ([place] if place.is_file() else sorted(place.rglob("*.rs")))
    if file.name not in ("tests.rs", "entries.rs")
]

# (file, line without blanks at its ends, mutated line): why no test can tell.
EQUIVALENT = {
    (
        "src/diffusion/loss/uncertainty.rs",
        ".map(move |(frequency, phase)| scale * (TAU * (frequency * place + phase)).cos())",
        ".map(move |(frequency, phase)| scale * (TAU * (frequency * place - phase)).cos())",
    ): "a random phase is as good as its negative",
    (
        "src/diffusion/times/importance.rs",
        "let within = ((u - before) / p).clamp(1e-9, 1.0 - 1e-9);",
        "let within = ((u - before) / p).clamp(1e-9, 1.0 + 1e-9);",
    ): "only rounding at the very end of a piece is kept away",
    (
        "src/diffusion/times/importance.rs",
        "let share = if total > 0.0 { root / total } else { 1.0 / n };",
        "let share = if total > 0.0 { root / total } else { -1.0 / n };",
    ): "without any loss times are uniform, and so they are where the edges fall",
    (
        "src/math/target.rs",
        "_ if square > 1.0 + 1e-9 => square.sqrt().recip(),",
        "_ if square > 1.0 - 1e-9 => square.sqrt().recip(),",
    ): "where the square is 1, so is the factor",
    (
        "src/diffusion/sampler/ode.rs",
        "let (mut x, mut l, mut h) = (x.clone(), from, to - from);",
        "let (mut x, mut l, mut h) = (x.clone(), from, to + from);",
    ): "the first guess of the step is corrected by the control of the error",
    (
        "src/diffusion/sampler/ode.rs",
        "if (to - l).abs() <= 1e-12 * (to - from).abs() {",
        "if (to - l).abs() <= 1e-12 * (to + from).abs() {",
    ): "any small number tells the end from the last step but one",
    (
        "src/diffusion/sampler/ode.rs",
        "h *= (0.9 * error.max(1e-10).powf(-0.2)).clamp(0.2, 5.0);",
        "h *= (0.9 * error.max(1e-10).powf(-0.2)).clamp(-0.2, 5.0);",
    ): "the factor is positive, and a bound below zero only lets steps shrink faster",
}

# The tests that know a file best; a mutant that they let pass meets all the others.
NEAREST = {
    "sampler/ode.rs": ["--test", "convergence", "adaptive"],
    "sampler/langevin.rs": ["--test", "convergence", "langevin"],
    "sampler/ddpm.rs": ["--test", "convergence", "ancestral"],
    "sampler/predictor_corrector.rs": ["--test", "convergence", "other_stochastic"],
    "diffusion/guidance": ["--lib", "guidance"],
    "diffusion/likelihood": ["--lib", "likelihood"],
    "diffusion/loss": ["--lib", "loss"],
    "diffusion/times": ["--lib", "times"],
}
ALL = [["--test", "golden_diffusers"], ["--lib"], ["--test", "convergence"]]

FLIPS = [
    (re.compile(r"(?<=[\w)\]?] )\+(?= )"), "-"),
    (re.compile(r"(?<=[\w)\]?] )-(?= )"), "+"),
    (re.compile(r"(?<=[(\[,=] )-(?=[\w(])|(?<=[(\[])-(?=[\w(])"), ""),
    # Not where the sign before is flipped already, nor a divisor.
    (re.compile(r"(?<![\w.\-])(?<![-+/] )(?=\d+\.\d+)"), "-"),
]
# Not formulas: registry entries, parameters, ranges and messages.
SKIP = re.compile(r"^\s*(//|#|use |pub mod|mod )|Param::|\"|->|\.\.|MOST_STEPS|<.* \+ |impl .*\+|dyn .*\+|assert|len\(\)")


def mutants(path):
    """Every flip of a file outside its tests and its registry entries, as (line number, line, mutated line)."""
    in_entry = False
    for number, line in enumerate(path.read_text().splitlines()):
        if line.startswith("#[cfg(test)]") and "mod tests {" in path.read_text().splitlines()[number + 1]:
            return
        in_entry = in_entry or re.match(r"(pub |pub\(super\) )?const \w+: (&\[&)?(Entry|Param)", line) is not None
        if in_entry:
            in_entry = not line.endswith(";")
            continue
        if SKIP.search(line):
            continue
        code = line.split(" //")[0]
        for pattern, flipped in FLIPS:
            for match in pattern.finditer(code):
                if flipped == "-" and match.start() == match.end() and code[match.end() :].startswith("0.0"):
                    continue
                yield number, line, code[: match.start()] + flipped + code[match.end() :]


def sandbox(folder):
    """The copy, with the dependencies of the debug build linked in."""
    for part in ["src/math", "src/diffusion", "tests/golden_diffusers", "tests/affine"]:
        shutil.copytree(ROOT / part, folder / part)
    (folder / "tests/golden").mkdir()
    for case in [*(ROOT / "tests/golden").glob("walk_*.safetensors"), ROOT / "tests/golden/schedules.safetensors"]:
        shutil.copy(case, folder / "tests/golden")
    shutil.copy(ROOT / "tests/convergence.rs", folder / "tests")
    shutil.copy(ROOT / "Cargo.lock", folder)
    manifest = (ROOT / "Cargo.toml").read_text()
    (folder / "Cargo.toml").write_text(re.sub(r"default-run.*\n|\[\[(bin|bench)\]\][^\[]*|^readme.*\n", "", manifest, flags=re.M))
    (folder / "src/lib.rs").write_text("//! Formulas under test.\n#![allow(missing_docs, dead_code)]\npub mod diffusion;\npub mod math;\n")
    main = folder / "tests/golden_diffusers/main.rs"
    text = re.sub(r"mod (net|pipeline|train|unet);\n", "", main.read_text())
    main.write_text(re.sub(r"#\[test\]\nfn (networks|training|pipelines)_equal[^}]*}\n", "", text))
    built = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug"
    target = folder / "target/debug"
    target.mkdir(parents=True)
    for part in ["deps", ".fingerprint", "build"]:
        subprocess.run(["cp", "-al", built / part, target / part], check=True)
    for own in [*target.glob("*/*diffusion_studio*"), *target.glob("*/*diffusion-studio*")]:
        shutil.rmtree(own) if own.is_dir() else own.unlink()


def passes(folder, seconds, name=""):
    """Whether all tests of the copy pass in time, those that know the file `name` first."""
    environment = os.environ | {"CARGO_TARGET_DIR": str(folder / "target"), "CARGO_PROFILE_DEV_DEBUG": "0", "RUST_BACKTRACE": "0"}
    nearest = [tests for part, tests in NEAREST.items() if part in name]
    for which in nearest + ALL:
        command = ["cargo", "test", "--offline", "-q", *which]
        try:
            run = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        if run.returncode != 0:
            return False
    return True


def main():
    wanted = [Path(name).resolve() for name in sys.argv[1:]] or FILES
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        sandbox(folder)
        if not passes(folder, 900):
            sys.exit("the tests fail without a mutation")
        begun = time.monotonic()
        killed, survivors = 0, []
        for path in wanted:
            name = str(path.relative_to(ROOT))
            text = path.read_text()
            for number, line, mutated in mutants(path):
                if (name, line.strip(), mutated.strip()) in EQUIVALENT:
                    continue
                lines = text.splitlines()
                lines[number] = mutated
                (folder / name).write_text("\n".join(lines) + "\n")
                if passes(folder, 300, name):
                    survivors.append(f"{name}:{number + 1}\n    {line.strip()}\n    {mutated.strip()}")
                    print("survived", survivors[-1], flush=True)
                else:
                    killed += 1
            (folder / name).write_text(text)
            print(f"{name}: {killed} killed so far, {len(survivors)} survived, {time.monotonic() - begun:.0f} s", flush=True)
    print(f"{killed} mutants were killed, {len(survivors)} survived, {len(EQUIVALENT)} cannot be told from the original")
    sys.exit(1 if survivors else 0)


if __name__ == "__main__":
    main()
