//! The file of weights in a network's folder, under today's names.

use std::path::Path;

use super::pickle;
use crate::files::{Error, Result, Tensors, tensors::Notes};

/// Files of weights, the first that is there is taken.
const FILES: [&str; 4] = [
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.bin",
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.fp16.bin",
];

/// Names that attention layers had before diffusers 0.15, and those that they have now.
const RENAMED: [(&str, &str); 4] = [
    (".query.", ".to_q."),
    (".key.", ".to_k."),
    (".value.", ".to_v."),
    (".proj_attn.", ".to_out.0."),
];

/// Reads the weights of a network's folder.
pub(super) fn find(folder: &Path) -> Result<(Notes, Tensors)> {
    let found = FILES
        .map(|name| folder.join(name))
        .into_iter()
        .find(|path| path.is_file());
    match found {
        Some(path) => read(&path),
        None if folder.join(format!("{}.index.json", FILES[0])).is_file() => Err(Error::broken(
            folder,
            "its weights are divided among several files; save them as one, e.g. with max_shard_size=\"100GB\"",
        )),
        None => Err(Error::broken(
            folder,
            format!("it holds no weights: none of {}", FILES.join(", ")),
        )),
    }
}

/// Reads a file of weights, of either kind.
pub(super) fn read(path: &Path) -> Result<(Notes, Tensors)> {
    let (notes, tensors) = match path.extension().and_then(|e| e.to_str()) {
        Some("safetensors") => Tensors::read_any_float(path)?,
        Some("bin" | "pt" | "pth") => (Notes::new(), pickle::read(path)?),
        _ => return Err(Error::broken(path, "weights end in .safetensors, .bin, .pt or .pth")),
    };
    let renamed = tensors.0.into_iter().map(|(name, tensor)| (today(name), tensor));
    Ok((notes, Tensors(renamed.collect())))
}

fn today(name: String) -> String {
    if !name.contains(".attentions.") {
        return name;
    }
    RENAMED.iter().fold(name, |name, (old, new)| name.replace(old, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_of_attention_layers_are_known() {
        for (old, new) in [
            (
                "mid_block.attentions.0.query.weight",
                "mid_block.attentions.0.to_q.weight",
            ),
            (
                "up_blocks.1.attentions.2.proj_attn.bias",
                "up_blocks.1.attentions.2.to_out.0.bias",
            ),
            (
                "down_blocks.0.resnets.0.norm1.weight",
                "down_blocks.0.resnets.0.norm1.weight",
            ),
        ] {
            assert_eq!(today(old.into()), new);
        }
    }
}
