//! Files that are either complete or not there: temporary name in the same folder, sync, rename.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use super::{Error, Result};

/// Writes or replaces a file with `bytes`.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    write_with(path, |out| out.write_all(bytes))
}

/// Writes or replaces a file with what `fill` writes. On failure the old file is untouched and nothing is left behind.
pub fn write_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    finish(path, fill, |from| fs::rename(from, path))
}

/// Like [`write_with`], but without waiting for the disk: a power cut may leave a file that only its checksum shows to
/// be damaged. For what can be done without.
pub fn write_without_sync(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let temporary = temporary(path);
    let made = fill_file(&temporary, fill).and_then(|_file| fs::rename(&temporary, path));
    made.map_err(|cause| {
        drop(fs::remove_file(&temporary));
        Error::io("write", path)(cause)
    })
}

/// Like [`write_with`], but an existing file is an error ([`Error::Exists`]), also when it appears while writing.
pub fn write_new(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    if path.exists() {
        return Err(Error::Exists { path: path.to_owned() });
    }
    finish(path, fill, |from| rename_new(from, path))
}

/// Syncs a folder, so that the names in it survive a power cut. Windows cannot and need not.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

/// A new name beside `path` that [`is_temporary`] knows. No two calls on a machine give the same.
pub fn temporary(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let (process, count) = (std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{process}-{count}.tmp"))
}

/// Whether this is the name of a file or folder whose writing was cut short.
pub fn is_temporary(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') && path.extension().is_some_and(|e| e == "tmp")
}

fn finish(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    publish: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<()> {
    let temporary = temporary(path);
    let made = fill_and_sync(&temporary, fill).and_then(|()| publish(&temporary));
    if let Err(cause) = made {
        // The first error is the one to report; a temporary file that cannot be removed is swept later.
        drop(fs::remove_file(&temporary));
        return Err(match cause.kind() {
            io::ErrorKind::AlreadyExists => Error::Exists { path: path.to_owned() },
            _ => Error::io("write", path)(cause),
        });
    }
    sync_folder(parent(path)).map_err(Error::io("write", path))
}

/// Writes a file under its final name and syncs it: for folders that are renamed as a whole.
pub(crate) fn fill_and_sync(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    fill_file(path, fill)?.sync_all()
}

fn fill_file(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<File> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    fill(&mut out)?;
    out.into_inner().map_err(io::IntoInnerError::into_error)
}

/// Gives a file its final name unless the name is taken.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => fs::remove_file(from),
        Err(e) if e.kind() == io::ErrorKind::AlreadyExists => Err(e),
        // File systems without links (FAT) leave a short moment between the question and the answer.
        Err(_) if to.exists() => Err(io::ErrorKind::AlreadyExists.into()),
        Err(_) => fs::rename(from, to),
    }
}

/// The folder that holds `path`.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// Writes a little, then fails as a full disk does.
    fn full_disk(out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"half of it")?;
        out.flush()?;
        Err(io::ErrorKind::StorageFull.into())
    }

    #[test]
    fn a_full_disk_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write(&path, b"old").unwrap();
        let message = write_with(&path, full_disk).unwrap_err().to_string();
        assert!(
            message.contains("a.txt") && message.contains("the disk is full"),
            "{message}"
        );
        assert_eq!(fs::read(&path).unwrap(), b"old");
        assert_eq!(names(folder.path()), ["a.txt"]);
    }

    #[test]
    fn a_new_file_is_never_put_over_another() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        // It appears while the new one is being written.
        let late =
            |out: &mut dyn Write| fs::write(folder.path().join("a.txt"), b"old").and_then(|()| out.write_all(b"new"));
        assert!(matches!(write_new(&path, late), Err(Error::Exists { .. })));
        assert!(matches!(write_new(&path, |_| Ok(())), Err(Error::Exists { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"old");
        write_new(&folder.path().join("b.txt"), |out| out.write_all(b"new")).unwrap();
        assert_eq!(names(folder.path()), ["a.txt", "b.txt"]);
    }

    #[test]
    fn temporary_names_are_known_and_stay_in_the_folder() {
        let path = temporary(Path::new("/some/where/x.png"));
        assert_eq!(path.parent(), Some(Path::new("/some/where")));
        assert_ne!(path, temporary(Path::new("/some/where/x.png")));
        assert!(is_temporary(&path) && !is_temporary(Path::new("x.tmp")) && !is_temporary(Path::new(".x")));
    }
}
