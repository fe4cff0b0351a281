"""Judges every .onnx file below a folder by PyPI's onnx and writes a JSON report keyed by the files' SHA-256.

    python check_onnx.py FOLDER REPORT.json

Per graph: onnx.checker.check_model by path with full_check; shape inference in strict mode with data propagation; and a
second inference from the inputs alone, whose types and shapes must agree with every declared one (strict inference
itself accepts any name for a symbolic dimension). The checker wants external data files to exist, so a graph is checked
as a copy beside sparse files of the lengths it names. Exit status 1 if a graph fails or none is found.
"""

import hashlib
import json
import shutil
import sys
import tempfile
from pathlib import Path

import onnx
from onnx import TensorProto, ValueInfoProto, checker, shape_inference

GENERATED = "unk__"  # onnx names dimensions it cannot express so: they say nothing


def external_lengths(model: onnx.ModelProto) -> dict[str, int]:
    """The least length in bytes of each external file the main graph's initializers name."""
    lengths: dict[str, int] = {}
    for tensor in model.graph.initializer:
        if tensor.data_location == TensorProto.EXTERNAL:
            place = {entry.key: entry.value for entry in tensor.external_data}
            end = int(place.get("offset", 0)) + int(place.get("length", 0))
            lengths[place["location"]] = max(end, lengths.get(place["location"], 0))
    return lengths


def check_copy(path: Path, model: onnx.ModelProto) -> None:
    """check_model on a copy whose external files are sparse; a location outside the folder is left to the checker."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        for location, length in external_lengths(model).items():
            file = (folder / location).resolve()
            if file.is_relative_to(folder):
                file.parent.mkdir(parents=True, exist_ok=True)
                with file.open("wb") as stream:
                    stream.truncate(length)
        copy = shutil.copyfile(path, folder / path.name)
        try:
            checker.check_model(str(copy), full_check=True)
        except Exception as error:
            raise type(error)(str(error).replace(f"{folder}/", "")) from None


def signature(value: ValueInfoProto) -> tuple[int, list[int | str | None]] | None:
    """Element type and dimensions (number, name, or None where unknown); None if the shape is not there."""
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        return None

    def size(dim) -> int | str | None:
        kind = dim.WhichOneof("value")
        known = kind and not (kind == "dim_param" and dim.dim_param.startswith(GENERATED))
        return getattr(dim, kind) if known else None

    return tensor.elem_type, [size(dim) for dim in tensor.shape.dim]


def agree(declared: tuple, inferred: tuple) -> bool:
    same_form = declared[0] == inferred[0] and len(declared[1]) == len(inferred[1])
    return same_form and all(a == b or a is None or b is None for a, b in zip(declared[1], inferred[1]))


def compare_shapes(model: onnx.ModelProto) -> str:
    """Infers the main graph from its inputs alone and compares; returns a line of counts, raises on a disagreement."""
    outputs = {name for node in model.graph.node for name in node.output if name}
    values = [*model.graph.value_info, *model.graph.output]
    declared = {value.name: found for value in values if (found := signature(value)) is not None}
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.graph.value_info[:]
    for output in bare.graph.output:
        output.type.tensor_type.ClearField("shape")
    graph = shape_inference.infer_shapes(bare, check_type=True, strict_mode=True, data_prop=True).graph
    inferred = {value.name: signature(value) for value in [*graph.value_info, *graph.output]}
    inferred = {name: found for name, found in inferred.items() if found is not None and name in outputs}
    wrong = [
        f"{name}: declared {declared[name]}, inferred {inferred[name]}"
        for name in sorted(declared.keys() & inferred.keys())
        if not agree(declared[name], inferred[name])
    ]
    if wrong:
        raise ValueError("declared and inferred shapes differ: " + "; ".join(wrong))
    compared = len(declared.keys() & inferred.keys())
    return f"{len(inferred)} of {len(outputs)} node outputs inferred, {compared} of {len(declared)} declared compared"


def judge(path: Path) -> tuple[bool, str]:
    """(ok, message); the message of a good graph says how much inference reached, so that a vacuous pass shows."""
    try:
        model = onnx.load(path, load_external_data=False)
        check_copy(path, model)
        shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
        return True, compare_shapes(model)
    except Exception as error:  # any failure of one graph belongs in the report, not in the way of the others
        return False, f"{type(error).__name__}: {error}"


def main(folder: Path, report: Path) -> int:
    graphs: dict[str, dict] = {}
    for path in sorted(folder.rglob("*.onnx"), key=lambda path: path.relative_to(folder).as_posix()):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if digest not in graphs:
            ok, message = judge(path)
            graphs[digest] = {"name": path.relative_to(folder).as_posix(), "ok": ok, "message": message}
    report.write_text(json.dumps({"onnx": onnx.__version__, "graphs": graphs}, indent=2) + "\n")
    failed = [graph for graph in graphs.values() if not graph["ok"]]
    for graph in failed:
        print(f"{graph['name']}: {graph['message']}", file=sys.stderr)
    print(f"{len(graphs) - len(failed)} passed, {len(failed)} failed")
    return 1 if failed or not graphs else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python check_onnx.py FOLDER REPORT.json")
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
