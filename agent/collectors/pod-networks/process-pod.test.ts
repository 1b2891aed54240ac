import { describe, expect, it } from 'vitest';
import { podOfProcess } from './process-pod.ts';

const uid = '0b8e1d4e-7f0e-4c0e-9d8e-2f6a1b3c4d5e';
const underlined = uid.replaceAll('-', '_');
const container = '6a'.repeat(32);
const found = { uid, container };

describe("a process' cgroup", () => {
  it.each([
    [
      "systemd's driver, containerd",
      `0::/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod${underlined}.slice/cri-containerd-${container}.scope`,
    ],
    [
      "systemd's driver, CRI-O, guaranteed",
      `0::/kubepods.slice/kubepods-pod${underlined}.slice/crio-${container}.scope/container`,
    ],
    ["systemd's driver, Docker", `0::/kubepods.slice/kubepods-pod${underlined}.slice/docker-${container}.scope`],
    [
      "the kubelet's driver is systemd's, containerd's is not",
      `0::/system.slice/containerd.service/kubepods-besteffort-pod${underlined}.slice:cri-containerd:${container}`,
    ],
    ['cgroupfs', `0::/kubepods/besteffort/pod${uid}/${container}`],
    ['cgroupfs, below another root', `0::/kubelet/kubepods/burstable/pod${uid}/${container}/init.scope`],
    [
      'kind',
      `0::/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod${underlined}.slice/cri-containerd-${container}.scope`,
    ],
    [
      'version 1, with a hierarchy that is elsewhere before it',
      `12:pids:/\n4:memory:/kubepods/burstable/pod${uid}/${container}\n1:name=systemd:/kubepods/burstable/pod${uid}/${container}\n0::/`,
    ],
    ['seen from a container of another class', `0::/../../../besteffort/pod${uid}/${container}`],
    ['seen from a container of the same class', `0::/../../pod${uid}/${container}`],
    [
      'seen from a container, slices',
      `0::/../../kubepods-burstable-pod${underlined}.slice/cri-containerd-${container}.scope`,
    ],
  ])('by %s says whose it is', (_way, cgroup) => {
    expect(podOfProcess(`${cgroup}\n`)).toEqual(found);
  });

  it('of a static pod has a hash for its UID', () => {
    const hash = 'c6d3e9a1'.repeat(4);
    expect(podOfProcess(`0::/kubepods/burstable/pod${hash}/${container}\n`)).toEqual({ uid: hash, container });
  });

  it('of a process in a container in a container is that of the outer pod', () => {
    const inner = `kubepods/pod${'1'.repeat(32)}/${'2'.repeat(64)}`;
    expect(podOfProcess(`0::/kubepods/pod${uid}/${container}/${inner}\n`)).toEqual(found);
  });

  it.each([
    ['of no pod', '0::/system.slice/kubelet.service'],
    ['of the kernel', '0::/'],
    ["of a pod's own slice", `0::/kubepods.slice/kubepods-pod${underlined}.slice`],
    ["of CRI-O's watcher", `0::/kubepods.slice/kubepods-pod${underlined}.slice/crio-conmon-${container}.scope`],
    ['of a container without Kubernetes', `0::/docker/${container}`],
    ['with a UID that is too long', `0::/kubepods/pod${'1'.repeat(33)}/${container}`],
    ['with an id that is too long', `0::/kubepods/pod${uid}/${container}a`],
    ['that was cut', `0::/kubepods/pod${uid}/${container.slice(0, 40)}`],
    ['that is empty', ''],
    ['that is endless', `0::/${'kubepods/pod'.repeat(5000)}`],
    ['that calls itself a pod elsewhere', `0::/user.slice/pod${uid}/${container}`],
  ])('%s is of none', (_situation, cgroup) => {
    expect(podOfProcess(cgroup)).toBe(null);
  });
});
