#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# The scoreboard: every load with every candidate, one after the other within
# each run, then medians over the runs, ours beside every peer.
#
#     --runs N (5)  --seconds N (10)  --warmup N (2)  --size WxH (1920x1080)
#     --loads a,b,...  --candidates a,b,...

use warnings;
use strict;

use FindBin;
use Getopt::Long;

use lib $FindBin::Bin;

use Bench;

my %o = (runs => 5, seconds => 10, warmup => 2, size => '1920x1080',
	loads => 'idle,probe,type,scroll,drag,window,video',
	candidates => join ',', candidates());

GetOptions(\%o, 'runs=i', 'seconds=f', 'warmup=f', 'size=s', 'loads=s',
	'candidates=s') or die "usage: see the head of $0\n";

my @loads = split /,/, $o{loads};
my @candidates;

$| = 1;

for my $name (split /,/, $o{candidates}) {
	my @missing = missing($name);

	if (@missing) {
		printf "%s is left out: %s is not installed.\n", $name,
			join ' and ', @missing;
		next;
	}

	push @candidates, $name;
}

###############################################################################

# One measurement; a hash of what the meter said, or undef.

sub measure {
	my ($name, $kind) = @_;

	my $c = start_candidate($name, $o{size});
	my $load = program($c, 'load', $kind);
	my $ready = wait_line($load, 'ready', 60);

	die "the load is not ready\n" unless $ready;

	my ($x, $y, @area) = $ready =~ /(\d+)/g;
	my $meter = program($c, 'meter', $c->{protocol}, '--port', $c->{port},
		$c->{path} ? ('--path', $c->{path}) : (), '--size', $o{size},
		'--mark', "$x,$y", '--area', join(',', @area), '--warmup',
		$o{warmup}, '--seconds', $o{seconds}, '--settle', 1.2, '--display',
		$c->{t}->display(), (map { ('--pid', $_) } @{ $c->{pids} }),
		'--x-pid', $c->{x_pid}, @{ $c->{arguments} });

	my %r = (ready => $c->{ready_ms});
	my $first = wait_line($meter, 'first', 30);

	if ($first) {
		%r = (%r, pairs($first));
		say_to($load, 'go');

		my $measured = wait_line($meter, 'measured',
			$o{warmup} + $o{seconds} + 20);

		say_to($load, 'stop');
		%r = (%r, pairs($measured || ''));

		my $drawn = wait_line($load, 'drawn', 5) || '';
		($r{drawn}, $r{late}) = $drawn =~ /(\d+)/g;

		%r = (%r, pairs(wait_line($meter, 'settled', 20) || ''));
	}

	stop_program($_) for $meter, $load;
	stop_candidate($c);

	# pictures whose mark cannot be read would not be in any figure
	warn "$name, $kind: $r{unread} marks were not readable\n"
		if ($r{unread} || 0) > 2 + 0.1 * ($r{messages} || 0) * $o{seconds}
			&& $kind ne 'idle';

	return exists $r{cpu} ? \%r : undef;
}

###############################################################################

my %results;

for my $run (1 .. $o{runs}) {
	for my $kind (@loads) {
		for my $name (@candidates) {
			my $r = eval { measure($name, $kind) }
				|| eval { measure($name, $kind) };

			if (!$r) {
				warn "$name, $kind: no figures. $@\n";
				next;
			}

			push @{ $results{$kind}{$name} }, $r;
			printf STDERR "run %d/%d %-7s %-9s cpu %6.2f kB/s %8.1f "
				. "pictures/s %5.1f decoded p50 %6.2f late %s unread %d\n",
				$run, $o{runs}, $kind, $name, @$r{qw/ cpu kbytes pictures
				decoded_p50 /}, defined $r->{late} ? $r->{late} : '-',
				$r->{unread};
		}
	}
}

my @columns = (
	[ cpu => 'CPU %' ], [ x_cpu => 'of it X' ], [ kbytes => 'kB/s' ],
	[ pictures => 'pictures/s' ], [ socket_p50 => 'draw → socket p50' ],
	[ socket_p95 => 'p95' ], [ decoded_p50 => 'draw → decoded p50' ],
	[ decoded_p95 => 'p95' ], [ psnr => 'PSNR dB' ], [ pss => 'MiB' ],
	[ socket_ms => 'first picture' ],
);

# Ratios are of the costs: how often ours a peer's CPU, bytes and time are.

my @ratios = qw/ cpu kbytes decoded_p50 /;

printf "\n%s, %d runs of %g s, medians; ms, %% of one core, all processes "
	. "and the X server\n\n", $o{size}, $o{runs}, $o{seconds};
printf "| load | %s | peer / ours: CPU, kB/s, decoded p50 |\n",
	join ' | ', 'server', map { $_->[1] } @columns;
print '| --- ' x (@columns + 3), "|\n";

for my $kind (@loads) {
	my %ours = medians($results{$kind}{ours});

	for my $name (@candidates) {
		my %m = medians($results{$kind}{$name});

		printf "| %s | %s | %s | %s |\n", $kind, $name,
			join(' | ', map { number($m{ $_->[0] }) } @columns),
			$name eq 'ours' ? '' : join ', ', map {
				defined $m{$_} && ($ours{$_} || 0) > 0 ? number($m{$_} / $ours{$_}) . 'x' : '-'
			} @ratios;
	}
}

sub medians {
	my ($rows) = @_;

	return map {
		my $key = $_->[0];
		$key => median(map { $_->{$key} } @{ $rows || [] });
	} @columns;
}

exit(grep { !$results{$_}{ours} } @loads) ? 1 : 0;
