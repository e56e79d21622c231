//! The adapters wgpu sees, and the choice of one.

use crate::error::{Error, ON_THE_CPU, Remedy, Result};
use std::fmt;

/// The environment variable that names an adapter by its number, or by a part of its name, in any case.
const ADAPTER_NAME: &str = "WGPU_ADAPTER_NAME";
/// The environment variable that names the interfaces to look through, as wgpu's own programs have it.
const BACKEND: &str = "WGPU_BACKEND";
/// The environment variable that says whether a GPU of its own memory comes before one that saves power.
const POWER_PREFERENCE: &str = "WGPU_POWER_PREF";

/// What kind of hardware an adapter is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AdapterKind {
    /// A GPU with its own memory.
    Discrete,
    /// A GPU that shares the host's memory.
    Integrated,
    /// A GPU lent by a hypervisor.
    Virtual,
    /// The driver does not say.
    Unknown,
    /// The CPU, running shaders.
    Software,
}

impl AdapterKind {
    /// What whoever asked for a GPU should know of it.
    pub(crate) fn notice(self) -> Option<&'static str> {
        (self == Self::Software).then_some("a software adapter: the CPU runs the shaders")
    }
}

impl fmt::Display for AdapterKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Discrete => "discrete GPU",
            Self::Integrated => "integrated GPU",
            Self::Virtual => "virtual GPU",
            Self::Unknown => "unknown kind",
            Self::Software => "software",
        })
    }
}

/// An adapter and the limits that matter here.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Adapter {
    /// The name that the driver gives.
    pub name: String,
    /// `vulkan`, `metal` or `dx12`.
    pub api: String,
    /// Hardware or software.
    pub kind: AdapterKind,
    /// The driver and its version.
    pub driver: String,
    /// Whether shaders may exchange values within a subgroup.
    pub subgroups: bool,
    /// Least and most invocations of a subgroup.
    pub subgroup_size: [u32; 2],
    /// Bytes of one storage binding.
    pub max_binding_bytes: u64,
    /// Bytes of one buffer.
    pub max_buffer_bytes: u64,
    /// Workgroups of one dispatch, in each dimension.
    pub max_workgroups: u32,
    /// Invocations of one workgroup, in one dimension.
    pub max_invocations: u32,
    /// Bytes of workgroup memory.
    pub max_workgroup_bytes: u32,
}

impl Adapter {
    fn new(adapter: &wgpu::Adapter) -> Self {
        let (info, limits) = (adapter.get_info(), adapter.limits());
        Self {
            kind: match info.device_type {
                wgpu::DeviceType::DiscreteGpu => AdapterKind::Discrete,
                wgpu::DeviceType::IntegratedGpu => AdapterKind::Integrated,
                wgpu::DeviceType::VirtualGpu => AdapterKind::Virtual,
                wgpu::DeviceType::Cpu => AdapterKind::Software,
                wgpu::DeviceType::Other => AdapterKind::Unknown,
            },
            name: info.name,
            api: info.backend.to_str().to_owned(),
            driver: format!("{} {}", info.driver, info.driver_info)
                .trim()
                .to_owned(),
            subgroups: adapter.features().contains(wgpu::Features::SUBGROUP),
            subgroup_size: [info.subgroup_min_size, info.subgroup_max_size],
            max_binding_bytes: limits.max_storage_buffer_binding_size,
            max_buffer_bytes: limits.max_buffer_size,
            max_workgroups: limits.max_compute_workgroups_per_dimension,
            max_invocations: (limits.max_compute_invocations_per_workgroup)
                .min(limits.max_compute_workgroup_size_x),
            max_workgroup_bytes: limits.max_compute_workgroup_storage_size,
        }
    }
}

impl fmt::Display for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.name, self.api, self.driver)
    }
}

/// Whether the CPU may run the shaders if there is no GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Software {
    /// It may if it is named, or if no other adapter exists.
    Allowed,
    /// It may not.
    Refused,
}

/// Every adapter of the interfaces that `WGPU_BACKEND` names, hardware before software, otherwise in the drivers'
/// order. If `WGPU_POWER_PREF` is `low`, integrated GPUs come first.
///
/// # Errors
/// If one of the variables has a value that cannot be used, or leaves no adapter.
pub fn adapters() -> Result<Vec<Adapter>> {
    Ok(found()?.into_iter().map(|(adapter, _)| adapter).collect())
}

/// The value of an environment variable as one of some words, separated by commas if there are several; `None` if it is
/// not set.
fn chosen(variable: &str, words: &[&str]) -> Result<Option<Vec<String>>> {
    let Some(value) = std::env::var_os(variable).filter(|value| !value.is_empty()) else {
        return Ok(None);
    };
    let value = value.to_string_lossy().to_lowercase();
    let chosen: Vec<String> = value
        .split(',')
        .map(|word| word.trim().to_owned())
        .collect();
    match chosen.iter().find(|word| !words.contains(&word.as_str())) {
        None => Ok(Some(chosen)),
        Some(other) => Err(Error::NoAdapter {
            reason: format!(
                "no adapter: {variable}={value} asks for `{other}`, and there are {}",
                words.join(", ")
            ),
            remedies: &[Remedy::Do("change it"), Remedy::Do("unset it")],
        }),
    }
}

fn found() -> Result<Vec<(Adapter, wgpu::Adapter)>> {
    let interfaces = [
        ("vulkan", wgpu::Backends::VULKAN),
        ("metal", wgpu::Backends::METAL),
        ("dx12", wgpu::Backends::DX12),
    ];
    let names = interfaces.map(|(name, _)| name);
    let wanted = chosen(BACKEND, &names)?;
    let is_wanted = |name: &str| {
        wanted
            .as_ref()
            .is_none_or(|all| all.iter().any(|n| n == name))
    };
    let backends = interfaces.iter().filter(|(name, _)| is_wanted(name));
    let backends = backends.fold(wgpu::Backends::empty(), |all, (_, one)| all | *one);
    let saves_power = chosen(POWER_PREFERENCE, &["low", "high", "none"])?
        .is_some_and(|wanted| wanted.iter().any(|word| word == "low"));
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
        backends,
        flags: wgpu::InstanceFlags::empty().with_env(),
        // Beyond its budget a driver moves buffers to the host, or takes memory that other programs work with.
        memory_budget_thresholds: wgpu::MemoryBudgetThresholds {
            for_resource_creation: Some(95),
            for_device_loss: None,
        },
        ..wgpu::InstanceDescriptor::new_without_display_handle()
    });
    let mut found: Vec<_> = pollster::block_on(instance.enumerate_adapters(backends))
        .into_iter()
        .map(|adapter| (Adapter::new(&adapter), adapter))
        .collect();
    if let (true, Some(wanted)) = (found.is_empty(), wanted) {
        return Err(Error::NoAdapter {
            reason: format!(
                "no adapter: wgpu sees no device of {BACKEND}={}",
                wanted.join(",")
            ),
            remedies: &[
                Remedy::Do("change it"),
                Remedy::Do("unset it"),
                Remedy::Do("install the GPU's driver"),
                ON_THE_CPU,
            ],
        });
    }
    let comes_first = |adapter: &Adapter| saves_power && adapter.kind == AdapterKind::Integrated;
    found.sort_by_key(|(adapter, _)| (!comes_first(adapter), adapter.kind));
    Ok(found)
}

/// The number of the adapter that `wanted` names, by its number or by a part of its name, in any case; the first if it is
/// empty. What several interfaces have under one name is one GPU.
fn number_of(adapters: &[Adapter], wanted: &str) -> Result<usize> {
    if wanted.is_empty() {
        return Ok(0);
    }
    if let Ok(number) = wanted.parse()
        && number < adapters.len()
    {
        return Ok(number);
    }
    let part = wanted.to_lowercase();
    let mut named = adapters.iter().enumerate().collect::<Vec<_>>();
    named.retain(|(_, adapter)| adapter.name.to_lowercase().contains(&part));
    if let [(number, first), others @ ..] = &named[..]
        && others.iter().all(|(_, other)| other.api != first.api)
    {
        return Ok(*number);
    }
    let (matches, list) = match named.is_empty() {
        true => ("none of", adapters.iter().enumerate().collect()),
        false => ("several:", named),
    };
    let list = list
        .iter()
        .map(|(number, adapter)| format!("{number}: {adapter}"));
    let list = list.collect::<Vec<_>>().join("; ");
    Err(Error::NoAdapter {
        reason: format!("no adapter: {ADAPTER_NAME}={wanted} matches {matches} {list}"),
        remedies: &[
            Remedy::Do("set it to one of these numbers"),
            Remedy::Do("unset it"),
        ],
    })
}

/// The adapter to use: the one that `WGPU_ADAPTER_NAME` names, by its number among [`adapters`] or by a part of its name; if
/// that is not set, the first.
///
/// # Errors
/// If no adapter is left to choose; the message says what there is and what to do.
pub(super) fn select(software: Software) -> Result<(Adapter, wgpu::Adapter)> {
    let mut found = found()?;
    if found.is_empty() {
        return Err(Error::no_adapter());
    }
    let none = |reason, remedies| Err(Error::NoAdapter { reason, remedies });
    let wanted = std::env::var_os(ADAPTER_NAME).unwrap_or_default();
    let adapters: Vec<Adapter> = found.iter().map(|(adapter, _)| adapter.clone()).collect();
    let (adapter, handle) = found.swap_remove(number_of(&adapters, &wanted.to_string_lossy())?);
    if adapter.kind == AdapterKind::Software && software == Software::Refused {
        return none(
            format!("no GPU: {adapter} is a software adapter, taken only if a GPU is asked for"),
            &[],
        );
    }
    Ok((adapter, handle))
}

#[cfg(test)]
mod tests {
    use super::{Adapter, AdapterKind, number_of};

    /// Two GPUs of one name, another that two interfaces have, and one whose name has a digit.
    #[test]
    fn an_adapter_is_named_by_its_number_or_a_part_of_its_name() {
        let adapter = |name: &str, api: &str| Adapter {
            name: name.to_owned(),
            api: api.to_owned(),
            kind: AdapterKind::Discrete,
            driver: String::new(),
            subgroups: true,
            subgroup_size: [32; 2],
            max_binding_bytes: 1,
            max_buffer_bytes: 1,
            max_workgroups: 1,
            max_invocations: 1,
            max_workgroup_bytes: 1,
        };
        let adapters = [
            adapter("Alpha 7", "vulkan"),
            adapter("Alpha 7", "vulkan"),
            adapter("Beta 9", "vulkan"),
            adapter("Beta 9", "dx12"),
        ];
        let named = |wanted| number_of(&adapters, wanted).map_err(|error| error.to_string());
        for (wanted, number) in [("", 0), ("1", 1), ("3", 3), ("9", 2), ("bETA", 2)] {
            assert_eq!(named(wanted), Ok(number), "{wanted}");
        }
        let several = named("alpha").unwrap_err();
        let both = "matches several: 0: Alpha 7 (vulkan, ); 1: Alpha 7 (vulkan, ); set it";
        assert!(several.contains(both), "{several}");
        for wanted in ["4", "-1", "gamma"] {
            let none = named(wanted).unwrap_err();
            assert!(none.contains("none of 0: Alpha"), "{none}");
            assert!(none.contains("; 3: Beta 9 (dx12, )"), "{none}");
        }
    }
}
