#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# What the board does not show: many viewers, viewers that stop reading, one
# that reads too slowly, and starting cold.
#
#     --runs N (3)  --seconds N (5)  --size WxH (1920x1080)
#     --viewers 1,8,64,512,1000  --peer-viewers 1,8,64
#     --candidates ours,tigervnc  --only floor,cold,fan,stop,slow

use warnings;
use strict;

use FindBin;
use Getopt::Long;

use lib $FindBin::Bin, "$FindBin::Bin/../lib";

use Bench;
use Selkies;

my %o = (runs => 3, seconds => 5, size => '1920x1080',
	viewers => '1,8,64,512,1000', 'peer-viewers' => '1,8,64',
	candidates => 'ours,tigervnc', only => 'floor,cold,fan,stop,slow');

GetOptions(\%o, 'runs=i', 'seconds=f', 'size=s', 'viewers=s',
	'peer-viewers=s', 'candidates=s', 'only=s')
	or die "usage: see the head of $0\n";

my %only = map { $_ => 1 } split /,/, $o{only};
my @candidates = grep { !missing($_) } split /,/, $o{candidates};

# what one viewer of drag got, for the bare writer
my $stream_kbytes = 60;

$| = 1;

###############################################################################

# A candidate with a load and one client that decodes, as a desktop has it
# when others look on; runs the code, returns what it returns.

sub with_load {
	my ($name, $kind, $code, %more) = @_;

	my $c = start_candidate($name, $o{size},
		location => 'selkies_max_viewers 2000;');
	my $load = program($c, 'load', $kind);
	my ($x, $y) = (wait_line($load, 'ready', 60) || '') =~ /(\d+)/g;
	my $meter = program($c, 'meter', $c->{protocol}, '--port', $c->{port},
		$c->{path} ? ('--path', $c->{path}) : (), '--size', $o{size},
		'--mark', "$x,$y", '--warmup', $more{warmup} || 1, '--seconds',
		$more{seconds} || 3600, (map { ('--pid', $_) } @{ $c->{pids} }),
		@{ $more{meter} || [] });

	my $first = wait_line($meter, 'first', 30);
	my $r;

	if ($first) {
		say_to($load, 'go');
		$r = eval { $code->($c, $meter, $load) };
		warn $@ if $@;
	}

	stop_program($_) for $meter, $load;
	stop_candidate($c);

	return $r;
}

sub fan {
	my ($c, @arguments) = @_;

	my $fan = program($c, 'fan', @arguments, (map { ('--pid', $_) }
		@{ $c->{pids} }));
	my $line = wait_line($fan, 'fan', 120);

	stop_program($fan);
	die "$c->{name}: no figures of the viewers\n" unless $line;

	return { pairs($line) };
}

sub fan_arguments {
	my ($c) = @_;

	return ($c->{protocol}, '--port', $c->{port}, '--path', $c->{path},
		'--size', $o{size});
}

###############################################################################
# many viewers

sub fan_out {
	my ($kind) = @_;

	printf "\n%s, %s: what viewers cost beside one client that decodes, "
		. "median of %d runs of %g s\n\n", $o{size}, $kind, $o{runs},
		$o{seconds};
	print '| server | viewers | CPU % without | with | % a viewer '
		. "| KiB a viewer | kB/s each | gone |\n"
		. "| --- | --- | --- | --- | --- | --- | --- | --- |\n";

	for my $name (@candidates) {
		my @counts = split /,/, $name eq 'ours' ? $o{viewers}
			: $o{'peer-viewers'};
		my %of;

		for my $run (1 .. $o{runs}) {
			for my $n (@counts) {
				my $r = with_load($name, $kind, sub {
					my ($c) = @_;

					return fan($c, fan_arguments($c), '--viewers', $n,
						'--base', $o{seconds} + 1, '--seconds', $o{seconds});
				}) or next;

				push @{ $of{$n} }, $r;
			}
		}

		for my $n (@counts) {
			my @r = @{ $of{$n} || [] } or next;

			$stream_kbytes = median(map { $_->{kbytes} / $n } @r)
				if $name eq 'ours';

			printf "| %s | %d | %s | %s | %.4f | %.0f | %s | %d |\n", $name,
				$n, (map { my $key = $_; number(median(map { $_->{$key} } @r)) }
				qw/ base_cpu cpu /),
				middle(map { ($_->{cpu} - $_->{base_cpu}) / $n } @r),
				middle(map { $_->{pss_kb} / $n } @r),
				number(median(map { $_->{kbytes} / $n } @r)),
				median(map { $_->{gone} } @r);
		}
	}
}

# The median of differences: they may be below zero.

sub middle {
	my @values = sort { $a <=> $b } @_;

	return $values[$#values / 2];
}

# What a loop that only writes takes for the same bytes at 60 Hz.

sub bare_writer {
	my $bytes = int($stream_kbytes * 1000 / 60) || 1;

	for my $n (split /,/, $o{viewers}) {
		my @cpu;

		for my $run (1 .. $o{runs}) {
			my $t = Selkies->new(x => 0, timeout => 600, no_module => 1);
			my $port = $t->port(0);

			delete $t->{reserved};

			my $c = { t => $t, name => 'bare writer', protocol => 'raw' };
			my $writer = program($c, 'floor', 'writer', $port, $bytes, 60);

			if (wait_line($writer, 'ready', 10)) {
				$c->{pids} = [ $writer->{pid} ];
				push @cpu, fan($c, 'raw', '--port', $port, '--viewers', $n,
					'--seconds', $o{seconds})->{cpu};
			}

			stop_program($writer);
			stop_candidate($c);
		}

		printf "| bare epoll writer | %d | - | %s | %.4f | - | %s | 0 |\n", $n,
			number(median(@cpu)), (median(@cpu) || 0) / $n,
			number($bytes * 60 / 1000);
	}
}

sub floors {
	my %of;

	for my $kind ([ 'x264', $o{size}, 300 ], [ 'memcpy', $o{size} ]) {
		for my $run (1 .. $o{runs}) {
			my $t = Selkies->new(x => 0, timeout => 600, no_module => 1);
			my $c = { t => $t };
			my $floor = program($c, 'floor', @$kind);
			my %r = pairs(wait_line($floor, 'floor', 120) || '');

			push @{ $of{$kind->[0]}{$_} }, $r{$_} for keys %r;
			stop_program($floor);
			stop_candidate($c);
		}
	}

	my %m = map { my $kind = $_; $kind => { map {
		$_ => median(@{ $of{$kind}{$_} })
	} keys %{ $of{$kind} } } } keys %of;

	printf "\n%s, floors, median of %d runs\n\n| floor | ms a picture "
		. "| CPU %% at 60 Hz | |\n| --- | --- | --- | --- |\n", $o{size},
		$o{runs};
	printf "| libx264 on the frames of video | %s | %s | %s kB/s |\n",
		map { number($m{x264}{$_}) } qw/ ms cpu kbytes /;
	printf "| memcpy of the screen | %s | %s | %s GB/s |\n",
		map { number($m{memcpy}{$_}) } qw/ ms cpu gbytes /;
}

###############################################################################
# viewers that stop reading; one that reads at half the stream's rate

sub stopped {
	printf "\n%s, video: memory that four viewers take which stop reading "
		. "for 20 s\n\n| server | MiB each |\n| --- | --- |\n", $o{size};

	for my $name (@candidates) {
		my $r = with_load($name, 'video', sub {
			my ($c) = @_;

			return fan($c, fan_arguments($c), '--viewers', 4, '--seconds', 20,
				'--stop');
		}) or next;

		printf "| %s | %s |\n", $name, sprintf '%.2f',
			$r->{grown_kb} / 1024 / 4;
	}
}

sub slow {
	printf "\n%s, video: a client that reads at half the stream's rate, "
		. "median of %d runs\n\n| server | age p50 ms | p95 | pictures/s "
		. "| current again after ms |\n| --- | --- | --- | --- | --- |\n",
		$o{size}, $o{runs};

	for my $name (@candidates) {
		my @r;

		for my $run (1 .. $o{runs}) {
			my $full = with_load($name, 'video', sub {
				return { pairs(wait_line($_[1], 'measured', 60) || '') };
			}, seconds => 4) or next;

			next unless $full->{kbytes};

			push @r, with_load($name, 'video', sub {
				my ($c, $meter) = @_;

				return {
					pairs(wait_line($meter, 'measured', 60) || ''),
					recovered => (pairs(wait_line($meter, 'recovered', 20)
						|| 'ms=-1'))[1],
				};
			}, warmup => 4, seconds => 8,
				meter => [ '--throttle', int $full->{kbytes} * 500 ]) || ();
		}

		printf "| %s | %s |\n", $name, join ' | ', map {
			my $key = $_;
			number(median(map { $_->{$key} } @r));
		} qw/ decoded_p50 decoded_p95 pictures recovered /;
	}
}

###############################################################################
# from nothing to a first picture

sub cold {
	printf "\n%s: starting X server and server, then a client's first "
		. "picture, median of %d runs\n\n| server | until it listens, ms "
		. "| connect → first picture on the socket, ms | decoded, ms "
		. "| MiB, one client |\n"
		. "| --- | --- | --- | --- | --- |\n", $o{size}, $o{runs};

	for my $name (@candidates) {
		my (@ready, @r);

		for my $run (1 .. $o{runs}) {
			my $c = eval { start_candidate($name, $o{size}) } or next;
			my $meter = program($c, 'meter', $c->{protocol}, '--port',
				$c->{port}, $c->{path} ? ('--path', $c->{path}) : (),
				'--size', $o{size}, '--warmup', 1, '--seconds', 1,
				map { ('--pid', $_) } @{ $c->{pids} });

			push @ready, $c->{ready_ms};
			push @r, { map { pairs($_) } grep { defined }
				wait_line($meter, 'first', 30),
				wait_line($meter, 'measured', 30) };
			stop_program($meter);
			stop_candidate($c);
		}

		printf "| %s | %s |\n", $name, join ' | ', number(median(@ready)), map {
			my $key = $_;
			number(median(map { $_->{$key} } @r));
		} qw/ socket_ms decoded_ms pss /;
	}
}

###############################################################################

floors() if $only{floor};
cold() if $only{cold};

if ($only{fan}) {
	fan_out('idle');
	fan_out('drag');
	bare_writer();
}

stopped() if $only{stop};
slow() if $only{slow};
