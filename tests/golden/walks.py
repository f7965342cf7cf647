"""Makes `walk_*.safetensors`: whole reverse processes of diffusers with a network given as a formula.

    python tests/golden/walks.py FOLDER [NAME...]

needs torch, diffusers, safetensors and scipy. A file holds the start `x_init`, and for the i-th call of the scheduler's `step`
what the network saw (`model_input_i`) and said (`model_output_i`), the state after it (`x_i`), the clean sample where the
scheduler tells it (`x0_i`), and the j-th noise that was drawn in it (`noise_i_j`). The metadata entry `case` says the rest.
"""

import importlib
import json
import sys
from pathlib import Path

import diffusers
import torch
from safetensors.torch import save_file

SHAPE = (2, 3, 4, 4)
LINEAR = {"num_train_timesteps": 1000, "beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02}
EDM = {"sigma_min": 0.002, "sigma_max": 80.0, "sigma_data": 0.5}
FLOW = {"num_train_timesteps": 1000, "shift": 1.0}

# Name: scheduler, settings, arguments of `step`, number of moves.
CASES = {
    "deis_1": ("DEISMultistepScheduler", LINEAR | {"solver_order": 1}, {}, 10),
    "deis_2": ("DEISMultistepScheduler", LINEAR | {"solver_order": 2}, {}, 10),
    "deis_3": ("DEISMultistepScheduler", LINEAR | {"solver_order": 3}, {}, 16),
    "deis_karras_v": ("DEISMultistepScheduler", LINEAR | {"use_karras_sigmas": True, "prediction_type": "v_prediction"}, {}, 10),
    "dpm2": ("KDPM2DiscreteScheduler", LINEAR, {}, 10),
    "dpm2_karras": ("KDPM2DiscreteScheduler", LINEAR | {"use_karras_sigmas": True}, {}, 8),
    "dpm2_ancestral": ("KDPM2AncestralDiscreteScheduler", LINEAR, {}, 10),
    "dpmpp_1s": ("DPMSolverSinglestepScheduler", LINEAR | {"solver_order": 1}, {}, 10),
    "dpmpp_2s": ("DPMSolverSinglestepScheduler", LINEAR | {"solver_order": 2}, {}, 10),
    "dpmpp_2s_heun_odd": ("DPMSolverSinglestepScheduler", LINEAR | {"solver_order": 2, "solver_type": "heun"}, {}, 9),
    "dpmpp_3s": ("DPMSolverSinglestepScheduler", LINEAR | {"solver_order": 3}, {}, 11),
    "dpmpp_3s_karras": ("DPMSolverSinglestepScheduler", LINEAR | {"solver_order": 3, "use_karras_sigmas": True}, {}, 9),
    "dpmpp_3s_heun": ("DPMSolverSinglestepScheduler", LINEAR | {"solver_order": 3, "solver_type": "heun"}, {}, 10),
    "dpmpp_2m_beta": ("DPMSolverMultistepScheduler", LINEAR | {"use_beta_sigmas": True}, {}, 10),
    "dpmpp_2m_flow_sigmas": (
        "DPMSolverMultistepScheduler",
        LINEAR | {"use_flow_sigmas": True, "flow_shift": 3.0, "prediction_type": "flow_prediction"},
        {},
        10,
    ),
    "dpmpp_2m_lu": ("DPMSolverMultistepScheduler", LINEAR | {"use_lu_lambdas": True}, {}, 10),
    "dpmpp_2m_heun_exponential": (
        "DPMSolverMultistepScheduler",
        LINEAR | {"solver_type": "heun", "use_exponential_sigmas": True},
        {},
        10,
    ),
    "dpmpp_3m_sde": ("DPMSolverMultistepScheduler", LINEAR | {"algorithm_type": "sde-dpmsolver++", "solver_order": 3}, {}, 16),
    "edm_dpmpp_2m": ("EDMDPMSolverMultistepScheduler", EDM, {}, 10),
    "edm_dpmpp_3m_exponential": ("EDMDPMSolverMultistepScheduler", EDM | {"solver_order": 3, "sigma_schedule": "exponential"}, {}, 16),
    "edm_dpmpp_2m_sde": ("EDMDPMSolverMultistepScheduler", EDM | {"algorithm_type": "sde-dpmsolver++"}, {}, 10),
    "euler_beta": ("EulerDiscreteScheduler", LINEAR | {"use_beta_sigmas": True}, {}, 10),
    "flow_euler_stochastic": ("FlowMatchEulerDiscreteScheduler", FLOW | {"stochastic_sampling": True}, {}, 10),
    "flow_heun": ("FlowMatchHeunDiscreteScheduler", FLOW, {}, 10),
    "flow_heun_shift3": ("FlowMatchHeunDiscreteScheduler", FLOW | {"shift": 3.0}, {}, 10),
    "heun_exponential": ("HeunDiscreteScheduler", LINEAR | {"use_exponential_sigmas": True}, {}, 10),
    "lms_beta_3": ("LMSDiscreteScheduler", LINEAR | {"use_beta_sigmas": True}, {"order": 3}, 10),
    "pndm_runge_kutta": ("PNDMScheduler", LINEAR | {"skip_prk_steps": False}, {}, 10),
    "pndm_runge_kutta_v": ("PNDMScheduler", LINEAR | {"skip_prk_steps": False, "prediction_type": "v_prediction"}, {}, 8),
    "unipc_3_bh1": ("UniPCMultistepScheduler", LINEAR | {"solver_order": 3, "solver_type": "bh1"}, {}, 12),
    "unipc_beta": ("UniPCMultistepScheduler", LINEAR | {"use_beta_sigmas": True}, {}, 10),
    "unipc_flow_sigmas": (
        "UniPCMultistepScheduler",
        LINEAR | {"use_flow_sigmas": True, "flow_shift": 3.0, "prediction_type": "flow_prediction"},
        {},
        10,
    ),
}


def network(x, t):
    return 0.8 * x / (1 + x.abs()) + 0.05 * torch.sin(torch.as_tensor(0.01 * float(t)))


def walk(name):
    scheduler_name, config, step, moves = CASES[name]
    scheduler = getattr(diffusers, scheduler_name)(**config)
    scheduler.set_timesteps(moves)
    generator = torch.Generator().manual_seed(sum(map(ord, name)))
    drawn = []

    def recorded(shape, **_):
        drawn.append(torch.randn(shape, generator=generator))
        return drawn[-1]

    module = importlib.import_module(type(scheduler).__module__)
    if hasattr(module, "randn_tensor"):
        module.randn_tensor = recorded
    x = torch.randn(SHAPE, generator=generator) * float(getattr(scheduler, "init_noise_sigma", 1.0))
    tensors = {"x_init": x}
    calls = []
    for i, t in enumerate(scheduler.timesteps):
        seen = scheduler.scale_model_input(x, t) if hasattr(scheduler, "scale_model_input") else x
        said = network(seen, t)
        drawn.clear()
        out = scheduler.step(said, t, x, **step)
        x = out.prev_sample
        calls.append(float(t))
        tensors |= {f"model_input_{i:03}": seen, f"model_output_{i:03}": said, f"x_{i:03}": x}
        tensors |= {f"noise_{i:03}_{j}": noise for j, noise in enumerate(drawn)}
        if getattr(out, "pred_original_sample", None) is not None:
            tensors[f"x0_{i:03}"] = out.pred_original_sample
    sigmas = getattr(scheduler, "sigmas", None)
    case = {
        "kind": "walk",
        "name": name,
        "scheduler": scheduler_name,
        "config": config,
        "step": step,
        "num_inference_steps": moves,
        "timesteps": calls,
        "sigmas": None if sigmas is None else [float(s) for s in sigmas],
        "network": "0.8*x/(1+|x|) + 0.05*sin(0.01*t)",
        "diffusers": diffusers.__version__,
    }
    return {k: v.clone().contiguous() for k, v in tensors.items()}, {"case": json.dumps(case)}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for name in sys.argv[2:] or CASES:
        tensors, metadata = walk(name)
        save_file(tensors, folder / f"walk_{name}.safetensors", metadata)
        print(name, len(tensors), "tensors")
