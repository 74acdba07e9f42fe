package Selkies::Figures;

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# What a process has cost so far: the part of Selkies that reads /proc.

use strict;
use warnings;

use POSIX ();

sub rss_bytes {
	my ($self, $pid) = @_;

	return $self->read_file("/proc/$pid/status") =~ /^VmRSS:\s+(\d+) kB/m
		? $1 * 1024 : 0;
}

# Of pages that several have, each of them its part.

sub pss_bytes {
	my ($self, $pid) = @_;

	return $self->read_file("/proc/$pid/smaps_rollup") =~ /^Pss:\s+(\d+) kB/m
		? $1 * 1024 : 0;
}

# What the process allocated for itself; ring and framebuffer are shared.

sub anonymous_bytes {
	my ($self, $pid) = @_;

	return $self->read_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m
		? $1 * 1024 : 0;
}

# Seconds of CPU, user and system together.

sub cpu_seconds {
	my ($self, $pid) = @_;

	my ($rest) = $self->read_file("/proc/$pid/stat") =~ /\) (.*)/s or return 0;
	my @f = split ' ', $rest;

	return ($f[11] + $f[12]) / POSIX::sysconf(POSIX::_SC_CLK_TCK());
}

# How often the threads of a process went to sleep so far.

sub wakeups {
	my ($self, $pid) = @_;
	my $sum = 0;

	for my $status (glob "/proc/$pid/task/*/status") {
		$sum += $1 if $self->read_file($status)
			=~ /^voluntary_ctxt_switches:\s+(\d+)/m;
	}

	return $sum;
}

# A worker whose threads have ended is still busy seeing them off.

sub at_rest {
	my ($self, $pid) = @_;

	return $self->threads($pid) == 1
		&& $self->read_file("/proc/$pid/status") =~ /^State:\s+S/m;
}

sub threads {
	my ($self, $pid) = @_;

	return scalar(() = glob "/proc/$pid/task/*");
}

1;
