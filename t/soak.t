#!/usr/bin/perl

# Copyright (C) ngx_selkies authors
# SPDX-License-Identifier: BSD-2-Clause

# A million pictures, as fast as several small displays give them, of every
# encoder and with lite pictures, clients coming and going: memory, descriptors
# and threads are in the end what they were halfway.
#
#     SELKIES_SOAK=1 prove -v t/soak.t
#
# SELKIES_SOAK_FRAMES is another number of pictures.  It takes about twenty
# minutes for a million, so `make test` leaves it out and `make soak` has it.

use warnings;
use strict;

use Test::More;

use lib 'lib', 't/lib';

use Selkies;
use Selkies::WebSocket;
use Selkies::X;

plan(skip_all => 'takes long: make soak, or SELKIES_SOAK=1')
	unless $ENV{SELKIES_SOAK};

use constant { FPS => 240, SIDE => 64, CHURN => 10_000, PARTS => 10,
	PERCENT => 2, GROWN_KIB => 2048 };

my $wanted = $ENV{SELKIES_SOAK_FRAMES} || 1_000_000;

# name => what its page asks for, what is drawn

my %desk = (
	lite => { ext => 1, draw => 'scene 240' },
	chain => { ext => 1, draw => 'motion 240 0 0 32 32' },
	stock => { draw => 'scene 240' },
	noise => { draw => 'motion 240 0 0 64 64' },
	striped => { encoder => '"x264enc-striped"', draw => 'scene 240' },
	jpeg => { encoder => '"jpeg"', draw => 'scene 240' },
);

my @names = sort keys %desk;
my $t = Selkies->new(x => 0, timeout => $wanted / 20 + 600);

$t->{xauth} = $t->write_cookie('xauth');

for my $name (@names) {
	local @$t{qw/ x_pid number x_socket display /};

	$t->start_x(size => SIDE . 'x' . SIDE);
	$desk{$name}{display} = $t->{display};
	$desk{$name}{x} = $t->x_client();
}

my $streams = @names;
my $desks = join '', map {
	"location /$_/ { selkies_display $desk{$_}{display}; }\n"
} @names;

$t->conf(<<"EOC");
%%GLOBALS%%
events { worker_connections 1024; }
http {
    %%GLOBALS_HTTP%%
    selkies_streams $streams;
    selkies_ring_size 4m;
    selkies_framerate 8-240;

    server {
        listen %%PORT_0%%;
        root %%TESTDIR%%/html;
        selkies on;
        selkies_xauthority %%TESTDIR%%/xauth;
        $desks
    }
}
EOC
$t->run();

my ($worker) = $t->workers();

###############################################################################

sub connect_page {
	my ($name) = @_;

	my $desk = $desk{$name};
	my $c = Selkies::WebSocket->new($t, path => "/$name/websockets");

	$c->{keep} = 0;
	$c->{auto_ack} = 1;
	$c->send_text('_ext,{"version":"soak","want":["lite"]}') if $desk->{ext};
	$c->send_text(Selkies::WebSocket::settings(SIDE, SIDE, framerate => FPS,
		encoder => $desk->{encoder} || '"x264enc"'));

	return $c;
}

sub descriptors { scalar(() = glob "/proc/$worker/fd/*") }

# What is here now; all that is shared is touched by then.

sub figures {
	return { memory => $t->anonymous_bytes($worker) / 1024,
		threads => $t->threads($worker), descriptors => descriptors() };
}

my (%page, %pictures, @parts);
my ($all, $churned, $start) = (0, 0, clock());

$page{$_} = connect_page($_) for @names;
$desk{$_}{x}->tell($desk{$_}{draw}) for @names;

for my $part (1 .. PARTS) {
	while ($all < $wanted * $part / PARTS) {
		Selkies::WebSocket::pump_all(0.02);

		for my $name (@names) {
			my $c = $page{$name};

			# JPEG is a message of another kind
			my $n = $c->{nframes} + @{ $c->{binaries} };

			$pictures{$name} += $n;
			$all += $n;
			$c->{nframes} = 0;
			$c->forget();
			$c->{$_} = [] for qw/ pings binaries /;
		}

		# one page after the other is loaded anew, or changes its size

		if ($all >= ($churned + 1) * CHURN) {
			my $name = $names[$churned++ % @names];

			$page{$name}->drop();
			$page{$name} = connect_page($name);
			$page{ $names[$churned % @names] }->send_text(sprintf
				'r,%dx%d,primary', (SIDE - 2 * ($churned % 2)) x 2);
		}

		die "no pictures any more\n"
			unless grep { $_->is_open() } values %page;
	}

	# at the same point of every part: all have been here for a while

	Selkies::WebSocket::pump_all(0.02) for 1 .. 50;
	push @parts, figures();
	note(sprintf '%d pictures, %.0f a second: %.0f KiB, %d threads, '
		. '%d descriptors', $all, $all / (clock() - $start),
		@{ $parts[-1] }{qw/ memory threads descriptors /});
}

note(join ', ', map { "$_ $pictures{$_}" } @names);

cmp_ok($all, '>=', $wanted, 'so many pictures');
is(scalar(grep { $pictures{$_} < $wanted / 100 } @names), 0,
	'of every kind');

# encoders opened anew leave the heap in pieces at first, never for good

my ($first, $middle, $last) = @parts[0, PARTS / 2 - 1, -1];

cmp_ok($last->{memory} - $middle->{memory}, '<=',
	$middle->{memory} * PERCENT / 100, 'memory is what it was halfway')
	or diag(join ' ', map { int $_->{memory} } @parts);
cmp_ok($last->{memory} - $first->{memory}, '<=', GROWN_KIB,
	'and little more than in the beginning');
is($last->{$_}, $first->{$_}, "so are $_") for qw/ threads descriptors /;
is(scalar(grep { @{ $_->{errors} } } values %page), 0, 'no protocol error');

$_->close() for values %page;
$t->done();
