"""What PyTorch and diffusers make of models that came from this program, and models that they make for it.

    exchange.py run FOLDER IN OUT    opens a pipeline, evaluates its network and walks its scheduler with given noise
    exchange.py make COUNT FOLDER    saves networks of random settings, each with an input and its output
    exchange.py events FILE          prints the scalars of an event file as JSON, read by TensorBoard
"""

import json
import random
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def run(folder, source, target):
    import diffusers
    from diffusers.schedulers import scheduling_ddpm

    pipeline = diffusers.DDPMPipeline.from_pretrained(folder)
    net, scheduler = pipeline.unet.eval(), pipeline.scheduler
    given = load_file(source)
    classes = given["class"].long() if "class" in given else None
    with torch.no_grad():
        out = {"y": net(given["x"], given["t"], class_labels=classes).sample}
        noises = iter(given["z"])
        scheduling_ddpm.randn_tensor = lambda shape, **_: next(noises).reshape(shape)
        scheduler.set_timesteps(given["z"].shape[0])
        x = given["x_init"]
        for t in scheduler.timesteps:
            x = scheduler.step(net(x, t, class_labels=classes).sample, t, x).prev_sample
    save_file(out | {"x": x.contiguous()}, target)


def settings(rng):
    """Settings of a UNet2DModel as diffusers allows them, none of which the reference pack holds together."""
    levels = rng.choice([1, 2, 3])
    groups = rng.choice([2, 4])
    channels = [groups * rng.choice([2, 4, 6]) for _ in range(levels)]
    downs = ["DownBlock2D", "AttnDownBlock2D", "ResnetDownsampleBlock2D"]
    ups = ["UpBlock2D", "AttnUpBlock2D", "ResnetUpsampleBlock2D"]
    picture = rng.choice([1, 3])
    return {
        "sample_size": rng.choice([8, (8, 16), 16]),
        "in_channels": picture,
        "out_channels": picture * rng.choice([1, 2]),
        "center_input_sample": rng.random() < 0.3,
        "time_embedding_type": rng.choice(["positional", "positional", "fourier"]),
        "time_embedding_dim": rng.choice([None, 20]),
        "freq_shift": rng.choice([0, 1]),
        "flip_sin_to_cos": rng.random() < 0.5,
        "down_block_types": [rng.choice(downs) for _ in range(levels)],
        "mid_block_type": rng.choice(["UNetMidBlock2D", "UNetMidBlock2D", None]),
        "up_block_types": [rng.choice(ups) for _ in range(levels)],
        "block_out_channels": channels,
        "layers_per_block": rng.choice([1, 2]),
        "mid_block_scale_factor": rng.choice([1, 1.4142135]),
        "downsample_padding": rng.choice([0, 1]),
        "downsample_type": rng.choice(["conv", "resnet"]),
        "upsample_type": rng.choice(["conv", "resnet"]),
        "dropout": rng.choice([0.0, 0.1]),
        "act_fn": rng.choice(["silu", "mish", "gelu", "relu", "swish"]),
        "attention_head_dim": rng.choice([None, 2, 4]),
        "norm_num_groups": groups,
        "attn_norm_num_groups": rng.choice([None, 2]),
        "norm_eps": rng.choice([1e-5, 1e-6]),
        "resnet_time_scale_shift": rng.choice(["default", "scale_shift"]),
        "add_attention": rng.random() < 0.7,
        "num_class_embeds": rng.choice([None, 4]),
    }


def make(seed, folder):
    from diffusers import UNet2DModel

    rng = random.Random(seed)
    torch.manual_seed(seed)
    config = settings(rng)
    net = UNet2DModel(**config).eval()
    # Norms start as the identity, and biases at zero would hide what is left out.
    for p in net.parameters():
        p.data += 0.05 * torch.randn_like(p)
    size = config["sample_size"]
    height, width = size if isinstance(size, tuple) else (size, size)
    x = torch.randn(3, config["in_channels"], height, width)
    t = torch.tensor([3.0, 250.0, 999.0])
    classes = torch.tensor([0, 3, 1]) if config["num_class_embeds"] else None
    with torch.no_grad():
        y = net(x, t, class_labels=classes).sample
    net.save_pretrained(folder, safe_serialization=seed % 3 != 0)
    numbers = {"x": x, "t": t, "y": y.contiguous()}
    if classes is not None:
        numbers["class"] = classes.float()
    save_file(numbers, str(Path(folder) / "io.safetensors"))


def events(file):
    try:
        from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    except ModuleNotFoundError:
        print("null")
        return

    found = {}
    for event in EventFileLoader(file).Load():
        for value in event.summary.value:
            number = float(value.tensor.float_val[0]) if value.HasField("tensor") else value.simple_value
            found.setdefault(value.tag, []).append([event.step, number])
    print(json.dumps(found))


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "make":
        for seed in range(int(rest[0])):
            make(seed, str(Path(rest[1]) / str(seed)))
    else:
        {"run": run, "events": events}[command](*rest)
